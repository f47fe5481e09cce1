"""Answers that differ from the version before's on purpose, each with the row of CHANGELOG.md that says so."""

import re
from collections.abc import Sequence
from pathlib import Path

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
CHANGED_ANSWERS: dict[str, str] = {
    r"/(title|detail|message) was ": "| `title`, `detail` and `message` of all refusals",
    r"^list of holds: .*/items/\d+/lines was \[.*, is None$": "`GET /reservations`: reservations that have ended",
}
"""What `differences` may say, as a pattern, if the table in CHANGELOG.md has a row with this text."""


def unexplained(found: Sequence[str]) -> list[str]:
    """Differences that CHANGELOG.md says nothing about."""
    table = CHANGELOG.read_text().partition("Answers that change for existing clients:")[2].partition("\n### ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    patterns = [pattern for pattern, text in CHANGED_ANSWERS.items() if any(text in row for row in rows)]
    return [one for one in found if not any(re.search(pattern, one) for pattern in patterns)]
