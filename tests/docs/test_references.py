"""Everything that the documents name exists, and everything that must be documented is named."""

import ast
import re
from pathlib import Path

import pytest
import yaml
from support.blocks import text_of
from support.checkout import ROOT

from inventory.service.ports.maintenance import StorageFigures
from inventory.service.quotas import Quotas, QuotaWatch, Sizes
from inventory.settings import setting_names
from inventory.web.metrics import _JSON_NAMES, Metrics

README, RUN, ARCHITECTURE, PROMPTS = (ROOT / name for name in ("README.md", "run.md", "ARCHITECTURE.md", "prompts.md"))
SETTINGS, METRICS = ROOT / "docs/reference/settings.md", ROOT / "docs/reference/metrics.md"
RECORDS = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
OTHERS = (ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
DOCUMENTS = [README, RUN, ARCHITECTURE, PROMPTS, *OTHERS]
INTERNALS = sorted((ROOT / "docs/internals").glob("*.md"))
WITHOUT_A_TEST = {"a process hangs with the append lock and is not stopped"}
METHODS = ("get", "put", "post", "delete", "patch")


def first_cells(path: Path) -> list[str]:
    """The first cell of each row of a generated table, without its quotes."""
    return re.findall(r"^\| (?:`(\w+)` )?\| (?:`|one|unset)", text_of(path), re.MULTILINE)


def read_settings() -> set[str]:
    """The settings that some module reads."""
    found = set()
    for path in (ROOT / "inventory").rglob("*.py"):
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, ast.Attribute) and "settings" in ast.unparse(node.value):
                found.add(node.attr.upper())
    return found & set(setting_names())


def endpoints() -> list[tuple[str, str]]:
    paths = yaml.safe_load(text_of(ROOT / "openapi.yaml"))["paths"]
    return [(method.upper(), path) for path, item in paths.items() for method in METHODS if method in item]


def test_every_setting_is_in_the_reference_once() -> None:
    assert first_cells(SETTINGS) == list(setting_names())


def test_every_setting_is_read_by_some_module() -> None:
    assert set(setting_names()) - read_settings() == set()


def test_every_metric_is_in_the_reference_by_both_of_its_names() -> None:
    figures, quotas = StorageFigures(0, 0, 0, 0), QuotaWatch(Sizes, Quotas())
    text, _ = Metrics(lambda: 0, lambda: figures, lambda: 0, lambda: 0, quotas).exposition("text/plain")
    types = re.findall(r"^# TYPE (\w+) ", text.decode(), re.MULTILINE)

    assert {name for name in first_cells(METRICS) if name} == set(_JSON_NAMES.values())
    shown = re.findall(r"^\| (?:`\w+` )?\| `(\w+)` \|", text_of(METRICS), re.MULTILINE)
    assert set(shown) == {name for name in types if not name.endswith("_created")}


@pytest.mark.parametrize(("method", "path"), endpoints())
def test_every_endpoint_is_in_the_readme_and_has_a_curl(method: str, path: str) -> None:
    assert f"`{method} {path}`" in text_of(README)
    place = re.sub(r"\\{\w+\\}", "[^/ ?'\"]+", re.escape(path))
    wanted = re.compile(f"http://127.0.0.1:3000{place}(?=['? \n])")
    commands = [line for line in text_of(RUN).replace("\\\n", "").splitlines() if "curl" in line]
    asked = "" if method == "GET" else f"-X {method} "

    assert any(wanted.search(f"{line}\n") and asked in line for line in commands)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(path)):
        name, _, anchor = target.partition("#")
        if "://" in name:
            continue
        file = path.parent / name if name else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            lost.append(target)

    assert lost == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_and_test_that_is_named_exists(path: Path) -> None:
    named = re.findall(r"`((?:inventory|tests|scripts|docs)/[\w./-]+\.\w+)(?:::(\w+))?`", text_of(path))

    lost = [
        f"{file}::{test}"
        for file, test in named
        if not (ROOT / file).is_file() or (test and f"def {test}(" not in text_of(ROOT / file))
    ]
    assert lost == []


def test_every_page_that_a_message_names_exists() -> None:
    texts = "".join(text_of(path) for path in (ROOT / "inventory").rglob("*.py"))

    named = set(re.findall(r"\bdocs/[\w./-]+\.md\b", texts))
    assert {name for name in named if "how-to" in name}
    assert {name for name in named if not (ROOT / name).is_file()} == set()


def test_every_guide_is_listed_in_the_index() -> None:
    guides = {path.name for path in (ROOT / "docs/how-to").glob("*.md")} - {"README.md"}

    assert set(re.findall(r"\]\(([\w-]+\.md)\)", text_of(ROOT / "docs/how-to/README.md"))) == guides


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_no_path_of_one_machine_is_named(path: Path) -> None:
    assert re.findall(r"(?<![\w.])/(?:work|home|root|tmp|Users)/\S*", text_of(path)) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_lines_end_before_they_are_too_long_to_read(path: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", text_of(path), flags=re.MULTILINE | re.DOTALL)
    long = [line for line in prose.splitlines() if len(line) > 120 and not line.startswith("|")]

    assert long == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_list_inside_a_list_is_indented_by_four(path: Path) -> None:
    """MkDocs takes one that is indented by less for a part of the outer list; GitHub shows both alike."""
    text = re.sub(r"^```.*?^```$", "", text_of(path), flags=re.MULTILINE | re.DOTALL)

    assert re.findall(r"^ {1,3}(?:[-*]|\d+\.) .*$", text, re.MULTILINE) == []


def test_the_rooms_are_those_that_the_layers_name_from_the_top_down() -> None:
    layers = text_of(ROOT / ".importlinter").split("layers =\n")[1].split("\n\n")[0]
    picture = text_of(ARCHITECTURE).split("\n## Rooms\n")[1].split("```")[1]

    assert re.findall(r"^  ([a-z |]+?)  ", picture, re.MULTILINE) == [row.strip() for row in layers.splitlines()]


def test_decisions_are_numbered_without_gaps() -> None:
    assert [path.name[:4] for path in RECORDS] == [f"{number:04d}" for number in range(1, len(RECORDS) + 1)]


@pytest.mark.parametrize("path", [ARCHITECTURE, *INTERNALS], ids=lambda path: path.name)
def test_every_row_of_invariants_and_failure_modes_names_the_test_that_shows_it(path: Path) -> None:
    parts = re.split(r"^## (Invariants|Failure modes)$", text_of(path), flags=re.MULTILINE)[2::2]
    rows = [line for part in parts for line in part.splitlines() if line.startswith("| ")]
    without = [row for row in rows if not re.search(r"\| test \|$|\| `tests/[\w/]+\.py::test_\w+` \|$", row)]

    assert {row.split(" | ")[0].strip("| ") for row in without} <= WITHOUT_A_TEST


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name)
def test_a_decision_says_what_was_open_what_was_chosen_what_it_costs_and_what_was_rejected(path: Path) -> None:
    sections = re.split(r"^## (.+)$", text_of(path), flags=re.MULTILINE)[1:]

    assert sections[::2] == ["Context", "Decision", "Consequences", "Rejected"]
    assert all(section.strip() for section in sections[1::2])


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text_of(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
