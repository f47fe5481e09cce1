"""Commit groups on files: one write at the end of the log, under the append lock. See the port of the same name."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType

from inventory.domain.errors import NeedsOperator, StorageUnavailable, Unavailable
from inventory.domain.events import Event
from inventory.eventlog.append_lock import AppendLock
from inventory.eventlog.appender import Appender
from inventory.eventlog.durability import sync_failed
from inventory.eventlog.errors import LogError, LogRewound, unreadable
from inventory.eventlog.line import encode
from inventory.eventlog.log_parts import LogParts
from inventory.eventlog.log_reader import Cursor, LogReader
from inventory.eventlog.shared_header import Position
from inventory.service.in_memory_group import StateGroup
from inventory.service.ports.group_store import QueuedChanges, StoreLost


class FileGroup(StateGroup):
    """A group and its lines. Each line is encoded as soon as it is decided, so its own client gets an encoding error.

    :ivar offsets: where each line begins in the segment.
    """

    def __init__(self, parts: LogParts, refusal: Unavailable | None = None, *, complete: bool = True) -> None:
        replica = parts.replica
        durable = parts.shared.durable
        super().__init__(
            replica.state, parts.now(), replica.event_at, durable=durable, refusal=refusal, complete=complete
        )
        self.lines: list[bytes] = []
        self.offsets: list[int] = []
        (self._segment, self._offset, _), self._chain = replica.cursor

    def accept(self, event: Event) -> None:
        """See ``OpenGroup.accept``."""
        line, self._chain = encode(event, self._chain)
        self.events.append(event)
        self.lines.append(line)
        self.offsets.append(self._offset)
        self._offset += len(line)

    def end(self) -> Cursor:
        """Where the log will end when this group is written."""
        return Cursor(Position(self._segment, self._offset, self.first + len(self.events)), self._chain)


class FileGroupStore:
    """Implements ``GroupStore``: brings the replica to the end of the log, opens a group there, writes and commits it.

    A damaged log fails one group; a log that was cut below what is folded here, or replaced files, end the process
    (``StoreLost``).
    """

    def __init__(self, parts: LogParts, appender: Appender, lock: AppendLock) -> None:
        self._parts = parts
        self._layout, self._shared = parts.layout, parts.shared
        self._replica, self._durability = parts.replica, parts.durability
        self._appender = appender
        self._exclusive = _Exclusive(lock)

    @property
    def durable(self) -> int:
        """See ``GroupStore.durable``."""
        return self._shared.durable

    def exclusive(self) -> AbstractContextManager[None]:
        """See ``GroupStore.exclusive``: the append lock."""
        return self._exclusive

    def begin(self, queued: Sequence[QueuedChanges]) -> FileGroup:
        """See ``GroupStore.begin``. Adopts the lines of other processes, also of a dead one; begins a new segment."""
        try:
            return self._begin()
        except (LogError, OSError) as error:
            raise _told(error) from error

    def write(self, group: FileGroup) -> None:
        """See ``GroupStore.write``: commits and folds the written lines. Not yet durable."""
        try:
            self._appender.append(self._replica.cursor.position, b"".join(group.lines))
            self._replica.publish(group.events, group.offsets, group.end())
        except (LogError, OSError) as error:
            raise _told(error) from error

    def ensure(self, sequence: int) -> None:
        """See ``GroupStore.ensure``."""
        self._durability.ensure(sequence)

    def idle(self) -> None:
        """See ``GroupStore.idle``."""
        try:
            self._catch_up()
        except (LogError, OSError) as error:
            raise _told(error) from error

    def _catch_up(self) -> None:
        """Fold committed events and forget what has expired. Needs no lock."""
        self._replica.adopt()
        self._durability.follow(self._replica.cursor.position.segment)
        with self._replica.still() as state:
            state.forget(self._parts.now(), self._parts.options.writer.hold_keep_ms)

    def _begin(self) -> FileGroup:
        self._shared.require_in_place()
        self._catch_up()
        if self._shared.failed:
            return FileGroup(self._parts, sync_failed(), complete=self._has_no_remains())
        self._take_over_remains()
        if self._replica.newer_format is not None:
            # A newer program may remember more of a key than this one understands.
            return FileGroup(self._parts, newer_format(self._replica.newer_format), complete=False)
        if self._is_full(self._replica.cursor.position):
            try:
                self._rotate()
            except StorageUnavailable as error:
                return FileGroup(self._parts, error)
        return FileGroup(self._parts)

    def _has_no_remains(self) -> bool:
        here = self._replica.cursor.position
        try:
            return self._appender.size(here.segment) == here.offset
        except (LogError, OSError):
            return False

    def _take_over_remains(self) -> None:
        """Adopt complete lines that a writer wrote and did not commit before it died; cut off an incomplete one."""
        here = self._replica.cursor
        size = self._appender.size(here.position.segment)
        if size == here.position.offset:
            return
        remains = LogReader(self._layout, here)
        try:
            if size < here.position.offset:
                raise remains.damaged(f"the file has shrunk to {size} bytes")
            with open(self._layout.segment(here.position.segment), "rb") as file:
                file.seek(here.position.offset)
                whole = here.position.offset + file.read(size - here.position.offset).rfind(b"\n") + 1
            # All lines are checked before any is committed.
            for _ in remains.read_to(here.position._replace(offset=whole)):
                pass
            if remains.cursor != here:
                self._shared.publish(remains.cursor.position)
                self._replica.adopt()
        finally:
            remains.close()
        if whole < size:
            self._appender.cut_unterminated(self._replica.cursor.position)

    def _is_full(self, end: Position) -> bool:
        # A writer with smaller segments may have died after it began the next one: use that one.
        begun = end.offset > 0 and self._layout.has_segment(end.sequence + 1)
        return begun or end.offset >= self._parts.options.segment_bytes

    def _rotate(self) -> None:
        end = self._replica.cursor
        self._durability.ensure(end.position.sequence)
        self._replica.publish((), (), self._appender.rotate(end))
        self._durability.follow(self._replica.cursor.position.segment)


def newer_format(sequence: int) -> NeedsOperator:
    """The refusal of changes after a line of a newer program."""
    return NeedsOperator(
        f"event {sequence} was written by a newer version of this program",
        "upgrade this program, and restart the server",
    )


class _Exclusive:
    """The append lock, with the errors of the port."""

    def __init__(self, lock: AppendLock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        try:
            self._lock.__enter__()
        except (LogError, OSError) as error:
            raise _told(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.__exit__(kind, error, trace)


def _told(error: LogError | OSError) -> StorageUnavailable:
    told = unreadable(error)
    return StoreLost(str(told)) if isinstance(error, LogRewound) else told
