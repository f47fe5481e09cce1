"""The part of a ledger that may be copied: what is durable, since a backup must not be ahead of its source."""

import os
from contextlib import closing, suppress
from typing import NamedTuple

from inventory.backup.manifest import BackupError
from inventory.eventlog.errors import EventsMissing, LogDamaged, StateUnusable
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import GENESIS
from inventory.eventlog.log_reader import Cursor, LogReader
from inventory.eventlog.published_views import published_sequence
from inventory.eventlog.shared_header import Position, SharedHeader
from inventory.eventlog.torn_tail import require_tail
from inventory.resilience.disk import Disk
from inventory.resilience.host_clock import HostClock

_CHUNK = 1 << 20


class DurablePart(NamedTuple):
    """The durable part of a log.

    :ivar end: how far the files may be read. :ivar last: the last event to read.
    :ivar witnessed: the highest sequence that a file of the folder proves to have been durable.
    :ivar is_marked: whether the shared header says how far the log is durable. If not, the log ends with its last valid
        line, which is at most ``last``.
    """

    end: Position
    last: int
    witnessed: int
    is_marked: bool


def durable_part(source: Layout, disk: Disk, machine: HostClock) -> DurablePart:
    """Find what may be copied now. Changes nothing, may run beside servers, and waits for none of them.

    :raises BackupError: there is no log. :raises OSError: the folder cannot be read.
    """
    segments = source.segments()
    if not segments:
        raise BackupError(f"no event log in {source.root}; set --data-dir or DATA_DIR")
    # Before the shared header: running servers raise the durable sequence there first.
    witnessed = max([published_sequence(source), *source.snapshot_sequences()])
    with suppress(StateUnusable), closing(SharedHeader(source.shared_header, read_only=True)) as shared:
        if shared.is_made:
            # Pages may have been lost since another boot; a header that is behind the other files is not theirs.
            is_valid = shared.belongs_to(machine.boot_id()) and shared.durable >= witnessed
            witnessed = max(witnessed, shared.durable)
            if is_valid:
                return DurablePart(shared.published(), witnessed, witnessed, is_marked=True)
    return _by_files(source, segments, witnessed, disk)


def _by_files(source: Layout, segments: list[int], witnessed: int, disk: Disk) -> DurablePart:
    with open(source.segment(segments[-1]), "rb") as newest:
        size = os.fstat(newest.fileno()).st_size
        # Without marks these lines may be in memory only.
        disk.fdatasync(newest.fileno())
        lines = sum(newest.read(min(_CHUNK, size - at)).count(b"\n") for at in range(0, size, _CHUNK))
    end = segments[-1] + lines - 1
    return DurablePart(Position(segments[-1], size, end), end, witnessed, is_marked=False)


def require_end(source: Layout, reached: Position, part: DurablePart, damage: LogDamaged | None) -> None:
    """Check that a reading which met ``damage``, or none, has reached the end of the durable part.

    A torn write after the last valid line is none, if nothing says that it was durable.

    :raises LogDamaged: the log is damaged, or events are missing.
    """
    if damage is not None:
        if part.is_marked or damage.path != source.segment(part.end.segment):
            raise damage
        require_tail(damage, reached, part.witnessed)
    if reached.sequence < part.witnessed:
        path, last = source.segment(reached.segment), part.witnessed
        reason = f"the log ends at event {reached.sequence}, but event {last} was durable"
        line = reached.sequence - reached.segment + 2
        raise EventsMissing(path, line, reached.offset, reason, reached.sequence + 1, last)


def all_segments(source: Layout) -> list[int]:
    """The first sequences of all segments in the log and the archive, ascending."""
    return sorted({*source.segments(), *source.archived_segments()})


def beginning(source: Layout) -> Cursor:
    """Where the first event that there is begins. The chain before it is not known if older ones were deleted."""
    first = all_segments(source)[0]
    return Cursor(Position(first, 0, first - 1), GENESIS)


def continues(source: Layout, cursor: Cursor, part: DurablePart) -> bool:
    """Whether the log has the event before ``cursor``, with the same chain.

    :raises EventsMissing: that part of the log was deleted, or is lost.
    """
    with closing(LogReader(source, cursor)) as reader:
        if cursor.position.offset:
            return reader.is_in_place()
        try:
            next(reader.read_to(part.end), None)
        except EventsMissing:
            raise
        except LogDamaged:
            return False
        return True
