"""Names that a term of the field has replaced are not names of files and classes again."""

import ast

import pytest
from support.checkout import ROOT

FILES = frozenset(
    [
        "audits",
        "bootstrap",
        "configuration",
        "counted",
        "counting",
        "ending",
        "endings",
        "gates",
        "guards",
        "handover",
        "hold_schemas",
        "idempotency",
        "keeper",
        "letter_check",
        "letter_file",
        "letters",
        "lingering",
        "listing",
        "machine",
        "method_queue",
        "named_file",
        "plain_settings",
        "present",
        "refusals",
        "requirements",
        "settled",
        "shared_state",
        "tally",
        "turn",
        "uncollected",
        "unopened",
        "upkeep",
        "views",
        "worker_files",
    ]
)
CLASSES = frozenset(
    [
        "BoundedThreadWorker",
        "ClosableMethodQueue",
        "DeferringWorker",
        "DrainingWorker",
        "FileKeeper",
        "Gates",
        "Handover",
        "Letter",
        "LetterFile",
        "Letters",
        "Lingering",
        "LogKeeper",
        "Machine",
        "Settled",
        "SharedState",
        "Tally",
        "UnopenedHistory",
        "UnopenedLedger",
        "UnopenedViews",
        "Upkeep",
        "Writer",
    ]
)
PACKAGE = sorted((ROOT / "inventory").rglob("*.py"))


def test_no_file_or_folder_of_the_package_has_a_retired_name() -> None:
    names = {file: {*file.relative_to(ROOT).parts[1:-1], file.stem} for file in PACKAGE}
    assert [file for file, parts in names.items() if parts & FILES] == []
    # A file of the server is called worker: what one worker does.
    assert not any((ROOT / "inventory" / "worker").glob("*.py"))


@pytest.mark.parametrize("file", PACKAGE, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_no_class_has_a_retired_name(file) -> None:
    classes = {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ClassDef)}
    assert classes & CLASSES == set()
