"""Holds: made, committed, released, extended, and ended by time. One thread-safe object over the stock service."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from inventory.domain.commands import ANY, NO_NOTE, Note, Precondition, WantedLine
from inventory.domain.errors import Refusal, Unavailable
from inventory.domain.hold_commands import CommitHold, ExpireHold, ExtendHold, HoldCommand, HoldStock, ReleaseHold
from inventory.domain.hold_errors import AlreadySo, ReservationNotFound
from inventory.domain.idempotency import IdempotencyKey
from inventory.domain.reservation import Reservation
from inventory.domain.values import Instant, ItemId
from inventory.service.event_ids import uuid7
from inventory.service.ledger import Ledger, Page, ReservationRequest, Ticket
from inventory.service.stock import StockService
from inventory.service.submitting import deciding

_AT_ONCE = 500


class HoldOutcome(NamedTuple):
    """A reservation after a change. ``replayed``: an earlier request with the same key had already caused it."""

    reservation: Reservation
    replayed: bool


class ReservationService:
    """Every answer is durable. Nothing is held in part: all lines of a hold are promised, or none."""

    def __init__(self, ledger: Ledger, stock: StockService, now: Callable[[], Instant]) -> None:
        self._ledger = ledger
        self._stock = stock
        self._now = now

    def hold(
        self,
        lines: tuple[WantedLine, ...],
        ttl_ms: int | None = None,
        note: Note = NO_NOTE,
        key: IdempotencyKey | None = None,
    ) -> HoldOutcome:
        """Promise all lines, or none.

        :raises InsufficientStock: naming every line that is short.
        :raises ItemsNotFound: naming every record that is not there.
        :raises Unavailable: see ``StockService.change``, as for all that change something here.
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
        """The goods leave: all that is held, or ``lines`` of it. All of it asked twice gives the same answer.

        :raises ReservationNotFound: there is none. :raises ReservationExpired: its time is over.
        :raises WrongState: it has ended otherwise. :raises ExceedsHold: less is held.
        :raises InsufficientStock: fewer units are there than were promised.
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
        """Back to what is available: all that is held, or ``lines`` of it. Raises as ``commit``."""
        return self._change(ReleaseHold(reservation_id, self._items(reservation_id), lines, precondition, note), key)

    def extend(
        self,
        reservation_id: str,
        ttl_ms: int,
        precondition: Precondition = ANY,
        note: Note = NO_NOTE,
        key: IdempotencyKey | None = None,
    ) -> HoldOutcome:
        """Let it last for ``ttl_ms`` from now on. Raises as ``commit``."""
        return self._change(ExtendHold(reservation_id, ttl_ms, precondition, note), key)

    def reservation(self, reservation_id: str) -> Reservation:
        """Return one. :raises ReservationNotFound: there is none that is remembered."""
        reservation = self._ledger.reservation(reservation_id)
        if reservation is None:
            raise ReservationNotFound(reservation_id)
        return reservation

    def reservations(self, request: ReservationRequest) -> Page[Reservation]:
        """Return part of the list of those that are remembered."""
        return self._ledger.reservations(request)

    def expire_due(self) -> int:
        """Give back what is held by reservations whose time is over; returns how many have ended by it.

        Any process may; where two do, the second one finds that it has been done.

        :raises Unavailable: it could not be done for all; what was not is due again at the next call.
        """
        ended, failed = 0, list[Unavailable]()
        while due := self._ledger.due_reservations(_AT_ONCE):
            for part in _parts([ExpireHold(held.reservation_id, held.items) for held in due]):
                ended += self._carry_out(part, failed)
            # First what can be ended, then what went wrong.
            if failed:
                raise failed[0]
            if len(due) < _AT_ONCE:
                break
        return ended

    def _carry_out(self, commands: Sequence[ExpireHold], failed: list[Unavailable]) -> int:
        """Submit all, so that they share a sync, and wait for each. What goes wrong is added to ``failed``."""
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
        return self.reservation(reservation_id).items

    def _change(self, command: HoldCommand, key: IdempotencyKey | None) -> HoldOutcome:
        try:
            event, replayed = self._stock.change(command, key)
        except AlreadySo as done:
            return HoldOutcome(done.reservation, replayed=False)
        if event.reservation is None:
            raise ValueError(f"event {event.sequence} has no reservation")
        return HoldOutcome(event.reservation, replayed)


def _has_ended(ticket: Ticket) -> bool:
    try:
        ticket.wait()
    except Refusal:
        return False
    return True


def _parts(commands: Sequence[ExpireHold]) -> Iterator[list[ExpireHold]]:
    """The same in parts of at most ``_AT_ONCE`` lines or one command: others wait behind what is submitted together."""
    part, lines = list[ExpireHold](), 0
    for command in commands:
        if part and lines + command.weight > _AT_ONCE:
            yield part
            part, lines = [], 0
        part.append(command)
        lines += command.weight
    if part:
        yield part
