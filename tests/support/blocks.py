"""The shell blocks of a Markdown file, with what the file says of each.

A block is a fence marked ``sh``. A fence marked ``text`` right after it is what the block is to print: each
of its lines must be found in the output, in order, and ``…`` stands for anything. A comment before a block
says how it is run:

    <!-- test: serves -->            it is a server; go on when it answers, and leave it running
    <!-- test: exit 1 -->            it ends with this status instead of 0
    <!-- test: needs nginx curl -->  it is left out where one of these programs is not installed
    <!-- test: stop servers -->      (no block of its own) end every server that was started

A block that cannot be run says so to its reader, in its first line:

    # Not run by the tests: why
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOTE = re.compile(r"^<!-- test: (.*?) -->$", re.MULTILINE)
STOP = "stop servers"
UNTESTED = "# Not run by the tests: "


@dataclass(frozen=True)
class Block:
    """What is to be done at one place of a file; ``command`` is empty where only servers are stopped."""

    place: str
    command: str
    expected: str = ""
    note: str = ""

    @property
    def why_not_run(self) -> str:
        """Return the reason, and nothing for a block that is run."""
        first, _, _ = self.command.partition("\n")
        return first.removeprefix(UNTESTED) if first.startswith(UNTESTED) else ""

    @property
    def needs(self) -> list[str]:
        return self.note.removeprefix("needs ").split() if self.note.startswith("needs ") else []

    @property
    def exit_status(self) -> int:
        return int(self.note.removeprefix("exit ")) if self.note.startswith("exit ") else 0


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks_of(path: Path) -> list[Block]:
    return list(_blocks(path.name, text_of(path)))


def fence_languages(path: Path) -> set[str]:
    return {fence[1] for fence in FENCE.finditer(text_of(path))}


def missing_line(expected: str, output: str) -> str | None:
    """Return the first expected line that is not found in the output behind those before it."""
    place = 0
    for line in expected.splitlines():
        found = re.compile(".*?".join(map(re.escape, line.split("…")))).search(output, place)
        if found is None:
            return line
        place = found.end()
    return None


def _blocks(name: str, text: str) -> Iterator[Block]:
    end = 0
    fences = [fence for fence in FENCE.finditer(text) if fence[1] == "sh"]
    for fence in fences:
        notes = [note[1] for note in NOTE.finditer(text, end, fence.start())]
        place = f"{name}:{text.count(chr(10), 0, fence.start()) + 1}"
        if STOP in notes:
            yield Block(place, "", note=STOP)
        shown = FENCE.match(text, fence.end() + 2)
        expected = shown[2] if shown is not None and shown[1] == "text" else ""
        yield Block(place, fence[2], expected, next((note for note in notes if note != STOP), ""))
        end = fence.end()
