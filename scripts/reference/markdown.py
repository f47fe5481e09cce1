"""Markdown from cells and sentences."""

import re
import textwrap
from collections.abc import Iterable, Sequence

_NAMES = re.compile(r"`[^`]*`|(?<![\w`])(?:[A-Z]+_[A-Z_]+[A-Z]|THREADS)\b(?:[=/]\w+)?")
_QUOTED = re.compile(r"'(inventory [^']+)'")


def code(text: object) -> str:
    """As code; nothing stays nothing."""
    return f"`{text}`" if str(text) else ""


def wrapped(text: str) -> str:
    """A paragraph whose lines are short enough to read as text."""
    return textwrap.fill(prose(text), 120, break_long_words=False, break_on_hyphens=False)


def prose(text: str) -> str:
    """A sentence of the code's, with names of settings and quoted commands as code."""
    quoted = _QUOTED.sub(r"`\1`", text)
    return _NAMES.sub(lambda found: found[0] if found[0].startswith("`") else code(found[0]), quoted)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a bar inside a cell does not end it."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join("|".join(["", *(f" {cell} " if cell else " " for cell in line), ""]) for line in lines).replace(
        " --- ", "---"
    )
