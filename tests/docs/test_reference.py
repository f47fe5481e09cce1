"""The generated parts of the documents match the code."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from support.checkout import ROOT

from inventory.cli.main import main

sys.path.append(str(ROOT / "scripts"))

from reference import flat, pages


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the pages and files, on which the command works."""
    shutil.copytree(pages.FOLDER, tmp_path / "docs")
    shutil.copytree(ROOT / "inventory/web/openapi", tmp_path / "inventory/web/openapi")
    monkeypatch.setattr(pages, "FOLDER", tmp_path / "docs")
    return tmp_path / "docs"


def test_no_page_is_stale() -> None:
    assert list(pages.stale_pages(pages.FOLDER)) == [], f"run {pages.COMMAND}"


@pytest.mark.parametrize("page", pages.PARTS)
def test_a_page_that_says_something_else_than_the_code_is_found_and_mended(folder: Path, page: str) -> None:
    wanted = (folder / page).read_text()
    (folder / page).write_text(wanted.replace(f"{pages.BEGIN}\n", f"{pages.BEGIN}\nsomething old\n"))

    assert pages.main(["--check"]) == 1
    assert "something old" in (folder / page).read_text()
    assert pages.main([]) == 0
    assert (folder / page).read_text() == wanted


def test_no_file_made_from_the_api_description_is_stale() -> None:
    assert list(pages.stale_files(ROOT)) == [], f"run {pages.COMMAND}"


@pytest.mark.parametrize("name", pages.FILES)
def test_a_file_that_differs_from_the_api_description_is_found_and_mended(folder: Path, name: str) -> None:
    path = folder.parent / name
    wanted = path.read_text()
    path.write_text(wanted.replace("berlin-1", "berlin-2", 1))

    assert pages.main(["--check"]) == 1
    path.unlink()
    assert pages.main(["--check"]) == 1
    assert pages.main([]) == 0
    assert path.read_text() == wanted


def test_a_key_that_comes_twice_in_the_api_description_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^openapi\.yaml, line 2: Held comes twice$"):
        flat.read("schemas:\n  Held: {}\n  Other: {}\n  Held: {}\n")


def test_only_requests_are_closed_in_what_is_made_from_the_api_description() -> None:
    closed = {"type": "object", "additionalProperties": False}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Sent"}}}}
    line = {"type": "array", "items": {"$ref": "#/components/schemas/Line"}}
    description = {
        "paths": {"/": {"post": {"requestBody": body, "responses": {}}}},
        "components": {
            "x-fields": [],
            "schemas": {"Sent": {**closed, "properties": {"lines": line}}, "Line": closed, "Answer": closed},
        },
    }

    schemas = flat.flat(description)["components"]["schemas"]
    assert {name: "additionalProperties" in schema for name, schema in schemas.items()} == {
        "Sent": True,
        "Line": True,
        "Answer": False,
    }


def test_an_answer_that_may_be_json_is_json_only_in_what_is_made_from_the_api_description() -> None:
    answers = {
        "200": {"content": {"application/json": {}, "text/plain": {}}},
        "503": {"content": {"text/plain": {}}},
    }
    description = {
        "paths": {"/": {"parameters": [], "get": {"responses": answers}}},
        "components": {"x-fields": [], "schemas": {}},
    }

    made = flat.flat(description)["paths"]["/"]["get"]["responses"]
    assert {status: [*answer["content"]] for status, answer in made.items()} == {
        "200": ["application/json"],
        "503": ["text/plain"],
    }


def test_a_page_without_a_place_for_its_part_is_named(folder: Path) -> None:
    (folder / "reference/cli.md").write_text("# Commands\n")

    with pytest.raises(ValueError, match=r"^reference/cli\.md has no line"):
        pages.stale_pages(folder)


def test_the_table_of_commands_names_each_of_them() -> None:
    page = (pages.FOLDER / "reference/cli.md").read_text()

    assert sorted(re.findall(r"^\| \[`([\w-]+)`\]\(#inventory-\1", page, re.MULTILINE)) == sorted(main.commands)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("THREADS if unset", "`THREADS` if unset"),
        ("with SYNC_MODE=off, DATA_DIR/locks", "with `SYNC_MODE=off`, `DATA_DIR/locks`"),
        ("'inventory import' takes it", "`inventory import` takes it"),
        ("the header `X_Y`, HTTP and PUT", "the header `X_Y`, HTTP and PUT"),
    ],
)
def test_names_of_settings_and_quoted_commands_are_shown_as_code(told: str, shown: str) -> None:
    from reference.markdown import prose

    assert prose(told) == shown
