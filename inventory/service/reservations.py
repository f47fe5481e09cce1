"""The use cases of holds: create, commit, release, extend, expire. One thread-safe object over the stock service."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from inventory.domain.commands import ANY, NO_NOTE, Note, Precondition, WantedLine
from inventory.domain.errors import Refusal, StorageUnavailable, Unavailable
from inventory.domain.hold_commands import CommitHold, ExpireHold, ExtendHold, HoldCommand, HoldStock, ReleaseHold
from inventory.domain.hold_errors import AlreadySo, ReservationNotFound
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.reservation import Hold, Reservation
from inventory.domain.values import Instant, ItemId
from inventory.service.event_ids import uuid7
from inventory.service.hold_history import HoldHistory
from inventory.service.ports.change_queue import Ticket
from inventory.service.ports.ledger import HoldLedger
from inventory.service.ports.stock_reads import Page, ReservationRequest
from inventory.service.stock import StockService
from inventory.service.submission import deciding

_AT_ONCE = 500


class HoldOutcome(NamedTuple):
    """A reservation after a change. ``replayed``: an earlier request with the same key caused it."""

    reservation: Reservation
    replayed: bool


class ReservationService:
    """Every answer is durable. A hold is never partial: all of its lines are promised, or none."""

    def __init__(
        self, ledger: HoldLedger, stock: StockService, now: Callable[[], Instant], history: HoldHistory
    ) -> None:
        self._ledger = ledger
        self._stock = stock
        self._now = now
        self._history = history

    def hold(
        self,
        lines: tuple[WantedLine, ...],
        ttl_ms: int | None = None,
        note: Note = NO_NOTE,
        key: IdempotencyKey | None = None,
    ) -> HoldOutcome:
        """Hold all lines, or none.

        :raises InsufficientStock: names every line that is short.
        :raises ItemsNotFound: names every record that does not exist.
        :raises Unavailable: see ``StockService.change``, as for every change here.
        """
        return self._change(HoldStock(uuid7(self._now()), lines, ttl_ms, note), key)

    def commit(
        self,
        reservation_id: str,
        lines: tuple[WantedLine, ...] | None = None,
        precondition: Precondition = ANY,
        note: Note = NO_NOTE,
        key: IdempotencyKey | None = None,
    ) -> HoldOutcome:
        """Commit all that is held, or ``lines`` of it: the goods leave. A repeated commit of all gets the same answer.

        :raises ReservationNotFound: there is no such reservation. :raises ReservationExpired: it has expired.
        :raises WrongState: it has ended in another way. :raises ExceedsHold: it holds less.
        :raises InsufficientStock: fewer units are on hand than were promised.
        """
        return self._change(CommitHold(reservation_id, self._items(reservation_id), lines, precondition, note), key)

    def release(
        self,
        reservation_id: str,
        lines: tuple[WantedLine, ...] | None = None,
        precondition: Precondition = ANY,
        note: Note = NO_NOTE,
        key: IdempotencyKey | None = None,
    ) -> HoldOutcome:
        """Make all that is held, or ``lines`` of it, available again. Raises like ``commit``."""
        return self._change(ReleaseHold(reservation_id, self._items(reservation_id), lines, precondition, note), key)

    def extend(
        self,
        reservation_id: str,
        ttl_ms: int,
        precondition: Precondition = ANY,
        note: Note = NO_NOTE,
        key: IdempotencyKey | None = None,
    ) -> HoldOutcome:
        """Let it expire ``ttl_ms`` from now. Raises like ``commit``."""
        return self._change(ExtendHold(reservation_id, ttl_ms, precondition, note), key)

    def reservation(self, reservation_id: str) -> Reservation:
        """Return a reservation with all of its lines.

        :raises ReservationNotFound: none is remembered under this id.
        :raises HistoryGone: it has ended, and the event that ended it was deleted.
        """
        return self._history.whole(self._known(reservation_id))

    def reservations(
        self, request: ReservationRequest, before_reading: Callable[[int], None] = lambda _: None
    ) -> Page[Hold]:
        """Return a page of the remembered reservations; ended ones without lines, unless requested.

        :param before_reading: called with the number of lines to be read from the log; its errors are raised.
            A reservation whose lines were deleted is included without them: whether it has a requested line is unknown.
        """
        page = self._ledger.reservations(request)
        if not request.reads_lines:
            return page
        before_reading(sum(hold.line_count for hold in page.items if not isinstance(hold, Reservation)))
        found: list[Hold] = []
        for hold, whole in self._history.all_whole(page.items):
            if whole is None:
                # There was no time for more: the next page continues here.
                return replace(page, items=found, next_after=str(hold.created - 1))
            if not isinstance(whole, Reservation) or request.names(whole):
                found.append(whole if request.with_lines else hold)
        return replace(page, items=found)

    def _known(self, reservation_id: str) -> Hold:
        hold = self._ledger.reservation(reservation_id)
        if hold is None:
            raise ReservationNotFound(reservation_id)
        return hold

    def expire_due(self) -> int:
        """End expired reservations; return the number that ended.

        Any process may do it; if two do, the second one finds it done.

        :raises Unavailable: some could not be ended; they are due again at the next call.
        """
        ended, failed = 0, list[Unavailable]()
        while due := self._ledger.due_reservations(_AT_ONCE):
            for part in _parts([ExpireHold(held.reservation_id, held.items) for held in due]):
                ended += self._carry_out(part, failed)
            # First end what can be ended, then raise what failed.
            if failed:
                raise failed[0]
            if len(due) < _AT_ONCE:
                break
        return ended

    def _carry_out(self, commands: Sequence[ExpireHold], failed: list[Unavailable]) -> int:
        """Submit all, so that they share a flush, and wait for each. Errors are added to ``failed``."""
        ended, tickets = 0, list[Ticket]()
        for command in commands:
            try:
                tickets.append(self._ledger.submit(command.entities, deciding(command), None, command.weight))
            except Unavailable as error:
                failed.append(error)
                break
        for ticket in tickets:
            try:
                ended += _has_ended(ticket)
            except Unavailable as error:
                failed.append(error)
        return ended

    def _items(self, reservation_id: str) -> tuple[ItemId, ...]:
        hold = self._ledger.reservation(reservation_id)
        # An ended or unknown one changes nothing; what a key has caused is found first.
        return hold.items if isinstance(hold, Reservation) else ()

    def _change(self, command: HoldCommand, key: IdempotencyKey | None) -> HoldOutcome:
        try:
            event, replayed = self._stock.change(command, key)
        except AlreadySo as done:
            with _of_what_has_happened():
                return HoldOutcome(self._history.whole(done.reservation), replayed=False)
        if event.reservation is not None:
            return HoldOutcome(event.reservation, replayed)
        with _of_what_has_happened():
            # As it was then: the same as now, if it has not changed since; with the same lines, after extends only.
            now = None if event.step is None else self._ledger.reservation(event.step.reservation_id)
            known = now if isinstance(now, Reservation) else None
            if known is not None and known.sequence == event.sequence:
                return HoldOutcome(known, replayed)
            return HoldOutcome(self._history.after(event, known), replayed)


@contextmanager
def _of_what_has_happened() -> Iterator[None]:
    """:raises StorageUnavailable: with outcome "unknown": the answer cannot be read; the client should try again."""
    try:
        yield
    except StorageUnavailable as error:
        raise StorageUnavailable(
            f"the change happened before, but its answer cannot be read now: {error}", outcome="unknown"
        ) from error


def _has_ended(ticket: Ticket) -> bool:
    try:
        ticket.wait()
    except Refusal:
        return False
    return True


def _parts(commands: Sequence[ExpireHold]) -> Iterator[list[ExpireHold]]:
    """Split into parts of at most ``_AT_ONCE`` lines or one command, since other changes wait for a part."""
    part, lines = list[ExpireHold](), 0
    for command in commands:
        if part and lines + command.weight > _AT_ONCE:
            yield part
            part, lines = [], 0
        part.append(command)
        lines += command.weight
    if part:
        yield part
