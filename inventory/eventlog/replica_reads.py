"""The reads of the port on the fold of one process. They return only what is durable.

After a failed flush, lists still work if nothing in them is in doubt: they are then as of the latest durable event.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from inventory.domain.record import Record
from inventory.domain.reservation import Hold, Reservation
from inventory.domain.state import State
from inventory.domain.values import ItemId
from inventory.eventlog.durability import Doubts, refuse_if
from inventory.eventlog.errors import LogError, unreadable
from inventory.eventlog.log_parts import LogParts
from inventory.service.ports.stock_reads import (
    LONGEST,
    Page,
    PageRequest,
    ReservationRequest,
    SkuStock,
    StoreSummary,
)
from inventory.service.state_pages import StockCopy, page_of_records, page_of_reservations, page_of_stores, read_sku


class ReplicaReads:
    """Implements ``StockReads`` and ``HoldReads``.

    Each read folds to the committed index, and waits until what it returns is durable.
    """

    def __init__(self, parts: LogParts, doubts: Doubts) -> None:
        self._shared, self._replica, self._durability = parts.shared, parts.replica, parts.durability
        self._doubts = doubts
        self._clock = parts.now

    def record(self, item: ItemId) -> Record | None:
        self._adopt()
        record = self._replica.state.record(item)
        if record is not None:
            self._durability.ensure(record.sequence)
        return record

    def records_of_sku(self, sku: str, page: PageRequest = LONGEST) -> SkuStock:
        return self.central_stock(sku, page)

    def central_stock(self, sku: str, page: PageRequest = LONGEST) -> SkuStock:
        # The committing thread cannot do this: it may be waiting for the disk.
        self._adopt()
        stock = read_sku(self._still, sku, page, self._replica.lag_ms())
        doubt = self._doubts.about(stock.as_of_sequence)
        if doubt is None:
            return stock
        # Of all stores, not only of this page: the sums are over all of them.
        refuse_if(any(item.sku == sku for item in doubt.items))
        return stock._replace(as_of_sequence=doubt.durable, withheld=True)

    def stores(self, page: PageRequest) -> Page[StoreSummary]:
        self._adopt()
        with self._still() as state:
            found = page_of_stores(state, page)
        doubt = self._doubts.about(found.as_of_sequence)
        if doubt is None:
            return found
        refuse_if(any(one.store in doubt.grown for one in found.items))
        return replace(found, as_of_sequence=doubt.durable, withheld=True)

    def records_of_store(self, store: str, page: PageRequest) -> Page[Record]:
        self._adopt()
        with self._still() as state:
            found = page_of_records(state, store, page)
        doubt = self._doubts.about(found.as_of_sequence)
        if doubt is None:
            return found
        refuse_if(any(record.item in doubt.items for record in found.items))
        return replace(found, as_of_sequence=doubt.durable, withheld=True)

    @contextmanager
    def walk(self) -> Iterator[StockCopy]:
        self._adopt()
        with self._still() as state:
            stock = StockCopy(state)
        self._durability.ensure(stock.as_of_sequence)
        yield stock

    def reservation(self, reservation_id: str) -> Hold | None:
        self._adopt()
        reservation = self._replica.state.reservation(reservation_id)
        if reservation is not None:
            self._durability.ensure(reservation.sequence)
        return reservation

    def reservations(self, request: ReservationRequest) -> Page[Hold]:
        self._adopt()
        found = page_of_reservations(self._still, request)
        doubt = self._doubts.about(found.as_of_sequence)
        if doubt is None:
            return found
        # Also of those that are not on the page: as of the durable end they might be.
        end = doubt.durable if found.next_after is None else min(doubt.durable, int(found.next_after))
        touched = [self._replica.state.reservation(name) for name in doubt.reservations]
        refuse_if(any(one is not None and request.after < one.created <= end for one in touched))
        durable = [one for one in found.items if one.created <= doubt.durable]
        return replace(found, items=durable, as_of_sequence=doubt.durable, withheld=True)

    def due_reservations(self, limit: int) -> Sequence[Reservation]:
        self._adopt()
        with self._still() as state:
            return state.reservations.due(self._clock(), limit, state.broken)

    def _adopt(self) -> None:
        try:
            self._replica.adopt()
        except (LogError, OSError) as error:
            raise unreadable(error) from error

    @contextmanager
    def _still(self) -> Iterator[State]:
        try:
            with self._replica.still() as state:
                yield state
        except (LogError, OSError) as error:
            raise unreadable(error) from error
