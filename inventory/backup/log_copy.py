"""Extends the segments of a backup from the log of a data folder, and checks every chain on the way."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path

import orjson

from inventory.backup.manifest import BackupError, BackupFile
from inventory.backup.source import DurablePart, all_segments
from inventory.backup.target import Target
from inventory.domain.events import LEDGER_RESTORED
from inventory.domain.values import parse_instant
from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import NotALine, next_chain, stored_chain
from inventory.eventlog.log_check import Progress
from inventory.eventlog.log_reader import Cursor, LogReader
from inventory.eventlog.shared_header import Position

_AT_ONCE = 1 << 20
"""Bytes to write at once."""
_COMMIT_BYTES = 1 << 26
"""After so many bytes the segments that are complete are committed, so that an interruption costs little."""
_RESTORED = b'"type":"%b"' % LEDGER_RESTORED.encode()


class LogCopy:
    """The segments of a backup while they are extended; kept between passes.

    :ivar cursor: the end of what was copied, in the log of the source.
    """

    def __init__(self, source: Layout, target: Target, cursor: Cursor, timeline_up_to: int) -> None:
        """:param cursor: the end of what the target has.
        :param timeline_up_to: the event up to which the log is known to be of the timeline of the target.
        """
        self._source, self._target, self._timeline_up_to = source, target, timeline_up_to
        self.cursor = cursor
        self._files = [*target.manifest.segments]
        self._growing = target.resume(self._files.pop()) if cursor.position.offset else None
        self._last_at, self._last_line = target.manifest.last_at, b""
        self._waiting: list[bytes] = []
        self._waiting_bytes = self._uncommitted = 0

    def extend(self, part: DurablePart, progress: Progress) -> None:
        """Copy everything up to the end of the durable part, and commit it.

        :raises LogDamaged: the log is damaged; everything before is committed.
        :raises BackupError: another timeline begins in the log; likewise.
        :raises OSError: the backup is the one of before, perhaps with segments that were completed since.
        """
        bounds = [first for first in all_segments(self._source) if self._segment < first <= part.end.segment]
        done = _Done(progress, self._source, [self._segment, *bounds], self.cursor.position.offset)
        with closing(LogReader(self._source, self.cursor)) as reader:
            try:
                for following in bounds:
                    if not self._copy_packed(reader, following, done):
                        self._copy_lines(reader, Position(following, 0, following - 1), part.last, done)
                    if self._segment != following:
                        break  # the durable part ends here
                    self._seal()
                self._copy_lines(reader, part.end, part.last, done)
            except LogDamaged:
                self._write_waiting(reader.cursor)
                self.commit()
                raise
            except BackupError:
                # Of the first line of a segment, which the cursor has not passed.
                self.commit()
                raise
        self.commit()

    def commit(self) -> None:
        """Make durable what was copied, and then a part of the backup."""
        files = [*self._files]
        if self._growing is not None:
            self._growing.sync()
            files.append(self._growing.entry(self.cursor.position.sequence, self.cursor.chain))
        if self._last_line:
            self._last_at, self._last_line = parse_instant(orjson.loads(self._last_line)["ts"]), b""
        if files != self._target.manifest.segments:
            self._target.commit((*files, *self._target.manifest.snapshots), self._last_at)
        self._uncommitted = 0

    def close(self) -> None:
        """Close the growing segment."""
        if self._growing is not None:
            self._growing.close()

    @property
    def _segment(self) -> int:
        return self.cursor.position.segment

    @property
    def _chain_before(self) -> bytes | None:
        """The chain before the segment at the cursor; not known of the first one if those before it were deleted."""
        return self.cursor.chain if self._files or self._segment == 1 else None

    def _copy_lines(self, reader: LogReader, end: Position, last: int, done: "_Done") -> None:
        for line in self._lines(reader, end, last):
            if self._growing is None:
                self._require_timeline(line)
                self._growing = self._target.begin(self._segment, self._chain_before)
            self._waiting.append(line)
            self._waiting_bytes += len(line) + 1
            if self._waiting_bytes >= _AT_ONCE:
                done.add(self._waiting_bytes)
                self._write_waiting(reader.cursor)
        done.add(self._waiting_bytes)
        self._write_waiting(reader.cursor)

    def _lines(self, reader: LogReader, end: Position, last: int) -> Iterator[bytes]:
        if reader.cursor.position.sequence >= last:
            return
        found = reader.read_to(end)
        if self._growing is None and self._chain_before is None:
            with reader.unchecked():
                found = chain([next(found)], found)
        for line, _ in found:
            yield line
            if reader.cursor.position.sequence == last:
                return

    def _write_waiting(self, reached: Cursor) -> None:
        """Append the lines that wait, and move the cursor to the end of the last one."""
        if self._waiting and self._growing is not None:
            self._last_line = self._waiting[-1]
            self._growing.append(b"\n".join([*self._waiting, b""]))
        self._waiting, self._waiting_bytes = [], 0
        self.cursor = reached

    def _seal(self) -> None:
        """End the segment: the next one begins at the cursor."""
        if self._growing is not None:
            self._growing.sync()
            entry = self._growing.entry(self.cursor.position.sequence, self.cursor.chain)
            self._growing.close()
            self._growing = None
            self._files.append(entry)
        self._uncommitted += self._files[-1].size
        if self._uncommitted >= _COMMIT_BYTES:
            self.commit()

    def _copy_packed(self, reader: LogReader, following: int, done: "_Done") -> bool:
        """Copy the segment at the cursor from the archive as it is; ``False`` if it is in the log, or in part here."""
        first, archived = self._segment, self._source.archived(self._segment)
        if self._growing is not None or self._source.segment(first).exists() or not archived.exists():
            return False
        before = self._chain_before
        file = BackupFile("segment", first, following - 1, 0, "", before, b"", packed=True)
        file = self._target.add(file, _chunks(archived))
        sequence, before_next, body = first - 1, before, b""
        try:
            with gzip.open(self._target.path(file)) as lines:
                for line in lines:
                    if sequence < first:
                        self._require_timeline(line)
                    body = line.removesuffix(b"\n")
                    if body == line:
                        raise NotALine("the last line is incomplete")
                    before_next = stored_chain(body, b"") if before_next is None else next_chain(body, before_next)
                    sequence += 1
            if sequence != following - 1 or before_next is None:
                raise NotALine(f"this part of the archive ends at event {sequence}, but the next begins at {following}")
        except (NotALine, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise LogDamaged(archived, sequence - first + 2, 0, str(error)) from error
        self._last_line = body
        self._files.append(replace(file, chain=before_next))
        self.cursor = Cursor(Position(following, 0, following - 1), before_next)
        reader.skip_to(self.cursor)
        done.add(file.size)
        return True

    def _require_timeline(self, line: bytes) -> None:
        if _RESTORED in line and self._segment > self._timeline_up_to:
            raise BackupError(
                f"event {self._segment} begins another timeline: {self._source.root} was restored. The backup ends"
                " before it. Choose another folder for the new timeline"
            )


def _chunks(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while data := file.read(_AT_ONCE):
            yield data


class _Done:
    """Reports the bytes of the source that were copied."""

    def __init__(self, progress: Progress, source: Layout, segments: list[int], offset: int) -> None:
        self._progress, self._done = progress, 0
        self._total = sum(_size(source, first) for first in segments) - offset

    def add(self, size: int) -> None:
        self._done += size
        self._progress(self._done, self._total)


def _size(source: Layout, first: int) -> int:
    for path in (source.segment(first), source.archived(first)):
        if path.exists():
            return path.stat().st_size
    return 0
