"""Reads the log forward, line by line, and checks the hash chain."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeAlias

from inventory.eventlog.archive import open_segment
from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import GENESIS, NotALine, next_chain, stored_chain
from inventory.eventlog.shared_header import Position

_CHUNK = 1 << 20
_LINE = 1 << 12
"""Most lines are shorter."""
_OFFSET_BITS = 40


class Cursor(NamedTuple):
    """The position of a reader, and the chain of the line before it."""

    position: Position
    chain: bytes


START = Cursor(Position(1, 0, 0), GENESIS)


RawLine: TypeAlias = tuple[bytes, int]
"""A line with a valid chain, without its line feed, and the place where it can be found again."""


def place_of(segment: int, offset: int) -> int:
    """Encode the place of a line in one number, since millions of them are kept."""
    return segment << _OFFSET_BITS | offset


class LogReader:
    """Reads from a cursor up to a position that is known to be complete; keeps one segment open.

    The size of a file is trusted only if the segment is sealed: in the open one, bytes after the committed index may be
    withdrawn. Not for concurrent threads.
    """

    _segment: int
    _offset: int
    _sequence: int

    def __init__(self, layout: Layout, cursor: Cursor = START) -> None:
        self._layout = layout
        (self._segment, self._offset, self._sequence), self._chain = cursor
        self._open_segment = 0
        self._descriptor = -1
        self._chain_of: Callable[[bytes, bytes], bytes] = next_chain

    @property
    def cursor(self) -> Cursor:
        """Where the next line begins."""
        return Cursor(Position(self._segment, self._offset, self._sequence), self._chain)

    def read_to(self, end: Position) -> Iterator[RawLine]:
        """Yield the lines between the cursor and ``end``; the cursor follows, also when one is damaged.

        :raises LogDamaged: a line is damaged, or a file is missing or too short.
        """
        while self._segment != end.segment:
            yield from self._read_segment(os.fstat(self._open(self._segment)).st_size)
            if self._segment == self._sequence + 1:
                raise self.damaged("this part of the log is empty, but not the last")
            self._segment, self._offset = self._sequence + 1, 0
        yield from self._read_segment(end.offset)

    @contextmanager
    def unchecked(self) -> Iterator[None]:
        """Trust the chain in each line for the ``with`` block: another process checks it meanwhile."""
        self._chain_of = stored_chain
        try:
            yield
        finally:
            self._chain_of = next_chain

    def skip_to(self, cursor: Cursor) -> None:
        """Continue from a place up to which the caller already knows the lines."""
        (self._segment, self._offset, self._sequence), self._chain = cursor
        self._chain_before = self._chain

    def before(self, line: RawLine) -> Cursor:
        """Where the last line begins."""
        return Cursor(Position(*apart(line[1]), self._sequence - 1), self._chain_before)

    def is_in_place(self) -> bool:
        """Whether the line before the cursor is still the one that was read there."""
        if self._offset == 0:
            return True
        self.close()
        end = self._chain.hex().encode() + b'"}\n'
        return os.pread(self._open(self._segment), len(end), self._offset - len(end)) == end

    def close(self) -> None:
        """Close the descriptor."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._open_segment, self._descriptor = 0, -1

    def damaged(self, reason: str, place: int | None = None) -> LogDamaged:
        """Make the error that names a place; default: the cursor."""
        segment, offset = apart(place) if place is not None else (self._segment, self._offset)
        path = self._layout.segment(segment)
        return LogDamaged(path, _line_number(path, offset), offset, reason)

    def _read_segment(self, end: int) -> Iterator[RawLine]:
        descriptor, size = self._open(self._segment), _CHUNK
        while self._offset < end:
            wanted = min(size, end - self._offset)
            data = os.pread(descriptor, wanted, self._offset)
            whole = data.rfind(b"\n") + 1
            if whole:
                size = _CHUNK
                yield from self._split(data[:whole])
            elif len(data) < wanted or self._offset + size >= end:
                raise self.damaged("the last line is incomplete, or the file is too short")
            else:
                size *= 2

    def _split(self, data: bytes) -> Iterator[RawLine]:
        begin, place = 0, place_of(self._segment, self._offset)
        while begin < len(data):
            # Not ``split``, which looks at each byte.
            end = data.index(b"\n", begin)
            line, size = data[begin:end], end + 1 - begin
            try:
                self._chain_before, self._chain = self._chain, self._chain_of(line, self._chain)
            except NotALine as error:
                raise self.damaged(str(error)) from None
            self._offset += size
            self._sequence += 1
            yield line, place
            begin, place = begin + size, place + size

    def _open(self, segment: int) -> int:
        if self._open_segment != segment:
            self.close()
            self._descriptor = open_segment(self._layout, segment)
            self._open_segment = segment
        return self._descriptor


def apart(place: int) -> tuple[int, int]:
    """The segment and the offset that ``place_of`` put together."""
    return place >> _OFFSET_BITS, place & (1 << _OFFSET_BITS) - 1


def line_at(descriptor: int, offset: int) -> bytes:
    """Return the line that begins there, without its line feed and without checking it."""
    size = _LINE
    while True:
        data = os.pread(descriptor, size, offset)
        line, line_feed, _ = data.partition(b"\n")
        if line_feed or len(data) < size:
            return line
        size *= 4


def _line_number(path: Path, offset: int) -> int:
    if not path.exists():
        return 1
    with open(path, "rb") as file:
        return file.read(offset).count(b"\n") + 1
