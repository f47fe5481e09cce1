"""Plain English in the package: the one who acts is named, in messages, docstrings and comments."""

import re
from pathlib import Path

import inventory

UNNAMED = re.compile(r"\b(?:whoever|nobody|somebody)\b", re.IGNORECASE)
MOST = 15


def found() -> list[str]:
    package = Path(inventory.__file__).parent
    lines = ((path, line) for path in sorted(package.rglob("*.py")) for line in path.read_text().splitlines())
    return [f"{path.relative_to(package)}: {line.strip()}" for path, line in lines for _ in UNNAMED.findall(line)]


def test_the_package_names_who_acts_instead_of_whoever_or_nobody() -> None:
    assert len(found()) <= MOST, "\n".join(found())
