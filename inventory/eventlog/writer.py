"""One batch from the state of the log to the end of the log. The caller holds the append lock."""

from collections.abc import Callable, Iterable, Sequence

from inventory.domain.errors import NeedsOperator, StorageUnavailable, Unavailable
from inventory.domain.events import Delivery, Event
from inventory.domain.idempotency import IdempotencyKey
from inventory.domain.values import EntityId, Instant
from inventory.eventlog.appender import Appender
from inventory.eventlog.durability import Durability, sync_failed
from inventory.eventlog.errors import LogError, as_unavailable
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import encode
from inventory.eventlog.reader import Cursor, LogReader
from inventory.eventlog.replica import Replica
from inventory.eventlog.shared_header import Position, SharedState
from inventory.service.ports.change_queue import Decide, Outcome
from inventory.service.transaction import Batch, Writer


class OpenBatch:
    """A batch that is being decided, and its lines, each encoded as soon as it is decided.

    :ivar refusal: why nothing is decided in it, or ``None``.
    :ivar first: the sequence of the latest event before this batch.
    """

    refusal: Unavailable | None = None

    def __init__(self, replica: Replica, now: Instant, writer: Writer, synced: int) -> None:
        self.lines: list[bytes] = []
        self.offsets: list[int] = []
        (segment, self._offset, sequence), self._chain = replica.cursor
        self._segment = segment
        self.first = sequence
        self._batch = Batch(replica.state, now, writer, read_event=replica.event_at, accept=self._encode, synced=synced)

    @property
    def events(self) -> Sequence[Event]:
        """What was decided so far."""
        return self._batch.events

    def run(self, entities: Sequence[EntityId], decide: Decide, key: IdempotencyKey | Delivery | None) -> Outcome:
        """See ``Batch.run``; an event that cannot be encoded is its own caller's error too."""
        return self._batch.run(entities, decide, key)

    def require_unused(self, keys: Iterable[IdempotencyKey | Delivery | None]) -> None:
        """See ``Batch.require_unused``."""
        self._batch.require_unused(keys)

    def rests_on(self, entities: Sequence[EntityId]) -> int:
        """See ``Batch.rests_on``."""
        return self._batch.rests_on(entities)

    def latest(self) -> int:
        """The sequence of the latest event there is, this batch's included."""
        return self.first + len(self.lines)

    def end(self) -> Cursor:
        """Where the log will end when this batch is written."""
        return Cursor(Position(self._segment, self._offset, self.latest()), self._chain)

    def _encode(self, event: Event) -> None:
        line, self._chain = encode(event, self._chain)
        self.lines.append(line)
        self.offsets.append(self._offset)
        self._offset += len(line)


class LookUps(OpenBatch):
    """A batch while nothing can be written: a key is looked up, and what it has not caused yet is refused."""

    def __init__(self, replica: Replica, now: Instant, writer: Writer, refusal: Unavailable, *, complete: bool) -> None:
        """:param complete: whether no event is in the log that the replica does not have."""
        super().__init__(replica, now, writer, 0)
        self.refusal = self._why = refusal
        self._complete = complete

    def run(self, entities: Sequence[EntityId], decide: Decide, key: IdempotencyKey | Delivery | None) -> Outcome:
        """Find what the key has caused. :raises Unavailable: it has caused nothing, or there is none."""
        earlier = None if key is None else self._batch.find(key)
        if earlier is not None:
            return Outcome(earlier, replayed=True)
        raise as_unavailable(self._why, key_looked_up=self._complete)

    def rests_on(self, entities: Sequence[EntityId]) -> int:
        """Nothing: the refusal is not about what is in the log."""
        return 0


class BatchWriter:
    """Brings the replica to the end of the log, opens a batch there, and writes and publishes it."""

    def __init__(
        self,
        layout: Layout,
        shared: SharedState,
        replica: Replica,
        appender: Appender,
        durability: Durability,
        writer: Writer,
        now: Callable[[], Instant],
        segment_bytes: int,
    ) -> None:
        self._layout = layout
        self._shared = shared
        self._replica = replica
        self._appender = appender
        self._durability = durability
        self._writer = writer
        self._now = now
        self._segment_bytes = segment_bytes

    def catch_up(self) -> None:
        """Fold what is published and forget what has ended. Needs no lock."""
        self._replica.adopt()
        self._durability.follow(self._replica.cursor.position.segment)
        with self._replica.still() as state:
            state.forget(self._now(), self._writer.hold_keep_ms)

    def begin(self) -> OpenBatch:
        """Open a batch at the end of the log; one for look-ups alone where nothing may be, or can be, added to it.

        :raises FolderReplaced: other processes have other marks, or will.
        :raises LogError: the log cannot be read to its end.
        :raises StorageUnavailable: what a dead writer left could not be cut off.
        """
        self._shared.require_in_place()
        self.catch_up()
        if self._shared.failed:
            return self._look_ups(sync_failed(), complete=self._has_no_remains())
        self._take_over_remains()
        if self._replica.newer_format is not None:
            # What a newer program remembers of a key may be more than what is understood here.
            return self._look_ups(newer_format(self._replica.newer_format), complete=False)
        if self._is_full(self._replica.cursor.position):
            try:
                self._rotate()
            except StorageUnavailable as error:
                return self._look_ups(error, complete=True)
        return OpenBatch(self._replica, self._instant(), self._writer, self._shared.durable)

    def write(self, batch: OpenBatch) -> None:
        """Write, publish and fold the batch, which is the log's end from now on. Not yet durable.

        :raises StorageUnavailable: nothing was published and nothing folded.
        """
        if batch.events:
            self._appender.append(self._replica.cursor.position, b"".join(batch.lines))
            self._replica.publish(batch.events, batch.offsets, batch.end())

    def _look_ups(self, refusal: Unavailable, *, complete: bool) -> LookUps:
        return LookUps(self._replica, self._instant(), self._writer, refusal, complete=complete)

    def _instant(self) -> Instant:
        return max(self._now(), self._replica.state.last_at)

    def _has_no_remains(self) -> bool:
        here = self._replica.cursor.position
        try:
            return self._appender.size(here.segment) == here.offset
        except (LogError, OSError):
            return False

    def _take_over_remains(self) -> None:
        """Adopt the whole lines that a writer wrote and died before publishing; cut an unterminated one."""
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
            # All of it is checked before any of it is published.
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
        # A writer whose files are smaller may have died before it told of the next one: it is begun all the same.
        begun = end.offset > 0 and self._layout.has_segment(end.sequence + 1)
        return begun or end.offset >= self._segment_bytes

    def _rotate(self) -> None:
        end = self._replica.cursor
        self._durability.ensure(end.position.sequence)
        self._replica.publish((), (), self._appender.rotate(end))
        self._durability.follow(self._replica.cursor.position.segment)


def newer_format(sequence: int) -> NeedsOperator:
    """Why a process is read-only that meets a line of a newer program."""
    return NeedsOperator(
        f"event {sequence} was written by a newer version of this program",
        "upgrade this program, and restart the server",
    )
