"""Reading the log forward, line by line, with every chain checked."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import GENESIS, NotALine, next_chain
from inventory.eventlog.shared_state import Position

_CHUNK = 1 << 20
_OFFSET_BITS = 40


class Cursor(NamedTuple):
    """Where a reader stands, and the chain of the line before it."""

    position: Position
    chain: bytes


START = Cursor(Position(1, 0, 0), GENESIS)


class RawLine(NamedTuple):
    """A line whose chain is right, without its line feed; ``place`` finds it again."""

    data: bytes
    place: int


def place_of(segment: int, offset: int) -> int:
    """Name the place of a line in one number, to be kept by the million."""
    return segment << _OFFSET_BITS | offset


class LogReader:
    """Reads from a cursor up to a position that is known to be whole; keeps one segment open.

    A file's size is trusted only where the segment is sealed: in the open one, bytes past what is
    published may be withdrawn. Not for two threads at once.
    """

    def __init__(self, layout: Layout, cursor: Cursor = START) -> None:
        self._layout = layout
        self.cursor = cursor
        self._segment = 0
        self._descriptor = -1

    def read_to(self, end: Position) -> Iterator[RawLine]:
        """Yield the lines between the cursor and ``end``; the cursor follows, also when one is damaged.

        :raises LogDamaged: a line that is not what was written, or a file that is missing or too short.
        """
        while True:
            here = self.cursor.position
            if here.segment == end.segment:
                yield from self._read_segment(end.offset)
                return
            yield from self._read_segment(os.fstat(self._open(here.segment)).st_size)
            last = self.cursor.position.sequence
            self.cursor = Cursor(Position(last + 1, 0, last), self.cursor.chain)

    def skip_to(self, cursor: Cursor) -> None:
        """Go on from a place whose lines the caller knows already."""
        self.cursor = cursor

    def line_at(self, place: int) -> bytes:
        """Return the line at a place that ``read_to`` gave, without checking it again."""
        segment, offset = place >> _OFFSET_BITS, place & (1 << _OFFSET_BITS) - 1
        with open(self._layout.segment(segment), "rb") as file:
            file.seek(offset)
            return file.readline().removesuffix(b"\n")

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._segment, self._descriptor = 0, -1

    def damaged(self, reason: str) -> LogDamaged:
        """Make the error that names the place where the cursor stands."""
        path, offset = self._layout.segment(self.cursor.position.segment), self.cursor.position.offset
        return LogDamaged(path, _line_number(path, offset), offset, reason)

    def _read_segment(self, end: int) -> Iterator[RawLine]:
        descriptor, size = self._open(self.cursor.position.segment), _CHUNK
        while self.cursor.position.offset < end:
            start = self.cursor.position.offset
            data = os.pread(descriptor, min(size, end - start), start)
            whole = data.rfind(b"\n") + 1
            if whole == 0:
                if len(data) < min(size, end - start) or start + size >= end:
                    raise self.damaged("the last line does not end, or the file is too short")
                size *= 2
                continue
            size = _CHUNK
            yield from self._split(data[:whole])

    def _split(self, data: bytes) -> Iterator[RawLine]:
        (segment, offset, sequence), chain = self.cursor
        for line in data.split(b"\n")[:-1]:
            try:
                chain = next_chain(line, chain)
            except NotALine as error:
                raise self.damaged(str(error)) from None
            place = place_of(segment, offset)
            offset += len(line) + 1
            sequence += 1
            self.cursor = Cursor(Position(segment, offset, sequence), chain)
            yield RawLine(line, place)

    def _open(self, segment: int) -> int:
        if self._segment != segment:
            self.close()
            try:
                self._descriptor = os.open(self._layout.segment(segment), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                path = self._layout.segment(segment)
                raise LogDamaged(path, 1, 0, "this part of the log is missing") from None
            self._segment = segment
        return self._descriptor


def _line_number(path: Path, offset: int) -> int:
    if not path.exists():
        return 1
    with open(path, "rb") as file:
        return file.read(offset).count(b"\n") + 1
