"""Plain English in the package, its tests and scripts: the one who acts is named, in texts and in names."""

import re
from pathlib import Path

import pytest
from support.checkout import ROOT

UNNAMED = re.compile(r"(?<![a-z])(?:whoever|nobody|somebody)", re.IGNORECASE)


def found(folder: Path) -> list[str]:
    """Return the lines with such a word, but not those of this file."""
    paths = [path for path in sorted(folder.rglob("*.py")) if path != Path(__file__).resolve()]
    assert paths
    lines = ((path, line) for path in paths for line in path.read_text().splitlines())
    return [f"{path.relative_to(ROOT)}: {line.strip()}" for path, line in lines if UNNAMED.search(line)]


@pytest.mark.parametrize("folder", ["inventory", "tests", "scripts"])
def test_the_code_names_who_acts_instead_of_whoever_or_nobody(folder: str) -> None:
    assert found(ROOT / folder) == []


@pytest.mark.parametrize(
    "line", ["# Nobody waits.", "def test_a_lock_keeps_nobody_out():", "for whoever asks", "NOBODY"]
)
def test_a_name_and_a_text_with_such_a_word_are_noticed(line: str) -> None:
    assert UNNAMED.search(line) is not None
