"""Waiting until events would survive a power cut, and events in doubt after a failed flush."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from inventory.domain.errors import NeedsOperator, StorageTimeout, StorageUnavailable
from inventory.domain.events import Event
from inventory.domain.values import ItemId
from inventory.eventlog.errors import LogError, unreadable
from inventory.eventlog.layout import Layout
from inventory.eventlog.shared_header import SharedHeader
from inventory.resilience.disk import Disk

FAILED = "a flush of the event log has failed, so events since then may not be on disk"
AFTER_A_FAILED_SYNC = (
    "find out why the disk failed, then start a server on the folder or run 'inventory sync', which writes the events"
    " in doubt again; see docs/how-to/failed-flush.md"
)


def sync_failed(cause: str = "") -> NeedsOperator:
    """The refusal of everything that depends on events that are not durable, after a failed flush."""
    return NeedsOperator(f"{FAILED}{cause}", AFTER_A_FAILED_SYNC)


class Durability:
    """Makes committed events durable: one flush at a time in a process, each for all waiting threads."""

    def __init__(self, layout: Layout, shared: SharedHeader, disk: Disk, wait_ms: int) -> None:
        self._layout = layout
        self._shared = shared
        self._disk = disk
        self._wait = wait_ms / 1000
        self._turn = threading.Lock()
        self._segment = 0
        self._times_made = 0
        self._descriptor = -1

    def ensure(self, sequence: int) -> None:
        """Return once the event ``sequence``, which is committed, and all before it are durable.

        :raises StorageUnavailable: a flush has failed, now or before.
        :raises StorageTimeout: the flush in progress takes too long.
        """
        if self._shared.durable >= sequence:
            return
        if not self._turn.acquire(timeout=self._wait):
            raise StorageTimeout("the disk takes too long to flush", outcome="none")
        try:
            if self._shared.durable < sequence:
                self._sync(sequence)
        finally:
            self._turn.release()

    def covers(self, sequence: int) -> bool:
        """Whether the event is durable already."""
        return self._shared.durable >= sequence

    def follow(self, segment: int) -> None:
        """Open the segment that is being written.

        Early, because a descriptor that is opened after a failed flush does not report the failure.
        """
        if not self._is_open(segment):
            with self._turn:
                self._open(segment)

    def close(self) -> None:
        """Close the descriptor."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._segment, self._descriptor = 0, -1

    def _sync(self, sequence: int) -> None:
        if self._shared.failed:
            raise sync_failed()
        # Read before the flush: it may miss what is committed while it runs.
        try:
            times_made, end = self._shared.times_made, self._shared.published()
        except LogError as error:
            raise unreadable(error) from error
        try:
            descriptor = self._open(end.segment)
        except OSError as error:
            raise StorageUnavailable(f"cannot open the event log to flush it: {error}", outcome="none") from error
        try:
            self._disk.fdatasync(descriptor)
        except OSError as error:
            # Never retried: the kernel may have dropped the pages, and a second call would report success.
            if self._shared.times_made == times_made:
                self._shared.fail()
            raise sync_failed(f" ({error})") from error
        if self._shared.failed:
            raise sync_failed()
        if end.sequence < sequence or self._shared.times_made != times_made:
            raise StorageUnavailable("the log was recovered in the meantime; repeat the request", outcome="none")
        self._shared.raise_durable(end.sequence)

    def _is_open(self, segment: int) -> bool:
        return self._segment == segment and self._times_made == self._shared.times_made

    def _open(self, segment: int) -> int:
        if not self._is_open(segment):
            # Before opening: a descriptor from before a recovery would report the failure that the recovery repaired.
            times_made = self._shared.times_made
            # Before closing the other one: if this file cannot be opened, the other one stays open.
            descriptor = os.open(self._layout.segment(segment), os.O_RDONLY | os.O_CLOEXEC)
            self.close()
            self._times_made, self._descriptor, self._segment = times_made, descriptor, segment
        return self._descriptor


class Doubt(NamedTuple):
    """What the events in doubt have changed.

    :ivar durable: the latest event that is not in doubt.
    :ivar items: the records → the sequence of their latest durable event; 0 if there is none, or it is unknown.
    :ivar grown: the stores with a new record.
    :ivar reservations: their ids, including new ones.
    """

    durable: int
    items: Mapping[ItemId, int]
    grown: frozenset[str]
    reservations: frozenset[str]


class Doubts:
    """Finds what is in doubt in the log of one process."""

    def __init__(
        self, shared: SharedHeader, durability: Durability, read: Callable[[int, int], Sequence[Event]]
    ) -> None:
        """:param read: returns up to so many committed events from a sequence on, durable or not; at least one."""
        self._shared = shared
        self._durability = durability
        self._read = read
        self._known: tuple[tuple[int, int, int], Doubt] | None = None

    def about(self, sequence: int) -> Doubt | None:
        """Wait until everything up to ``sequence`` is durable; after a failed flush, return what is in doubt.

        :raises StorageUnavailable: neither is known.
        """
        try:
            self._durability.ensure(sequence)
        except NeedsOperator:
            return self.now()
        return None

    def now(self) -> Doubt:
        """Return what is in doubt after a failed flush. :raises StorageUnavailable: see ``read``."""
        place = (self._shared.times_made, self._shared.durable, self._shared.published().sequence)
        known = self._known
        if known is None or known[0] != place:
            _, durable, end = place
            known = self._known = (place, _doubt(durable, self._events(durable, end)))
        return known[1]

    def _events(self, durable: int, end: int) -> list[Event]:
        found: list[Event] = []
        while durable + len(found) < end:
            first = durable + len(found) + 1
            found += self._read(first, end - first + 1)
        return found


def refuse_if(in_doubt: bool) -> None:
    """:raises NeedsOperator: the requested data is in doubt."""
    if in_doubt:
        raise sync_failed()


def _doubt(durable: int, events: Sequence[Event]) -> Doubt:
    items: dict[ItemId, int] = {}
    grown, reservations = set[str](), set[str]()
    for event in events:
        for line in event.lines:
            items.setdefault(line.item, line.previous)
            if line.version == 1:
                grown.add(line.item.store)
        held = event.reservation or event.step
        if held is not None:
            reservations.add(held.reservation_id)
    return Doubt(durable, items, frozenset(grown), frozenset(reservations))
