"""ReservationService: holds that end by themselves, and repeated requests."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from support.given import Clock, item
from support.parallel import run_parallel

from inventory.domain.commands import CountStock, WantedLine
from inventory.domain.errors import ReadOnly, StorageUnavailable
from inventory.domain.hold_commands import AtomicBatch
from inventory.domain.hold_errors import ReservationExpired, ReservationNotFound, WrongState
from inventory.domain.key_table import IdempotencyKey
from inventory.memory.ledger import MemoryLedger
from inventory.service.hold_history import HoldHistory
from inventory.service.reservations import ReservationService
from inventory.service.stock import StockService

A = item("sku-1")


class Ledger(MemoryLedger):
    """``instead`` takes the place of the next changes, one after another; ``None`` lets one through."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(now=clock)
        self.instead: list[Callable[[], None] | Exception | None] = []

    def submit(self, entities, decide, key=None, weight=1):
        act = self.instead.pop(0) if self.instead else None
        if isinstance(act, Exception):
            return _Failing(act)
        if act is not None:
            act()
        return super().submit(entities, decide, key)


class _Failing:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def wait(self) -> None:
        raise self._error


class Shop:
    """1,000 of A; two processes' services on one ledger."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.ledger = Ledger(self.clock)
        self.holds, self.other = (self.process() for _ in range(2))
        StockService(self.ledger).change(CountStock(A, 1000))

    def process(self) -> ReservationService:
        return ReservationService(self.ledger, StockService(self.ledger), self.clock, HoldHistory(self.ledger.history))

    def hold(self, qty: int = 1, ttl_ms: int | None = 1000) -> str:
        return self.holds.hold((WantedLine(A, qty),), ttl_ms).reservation.reservation_id

    @property
    def reserved(self) -> int:
        return self.ledger.record(A).reserved


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_pass_ends_what_is_over_and_nothing_else(shop: Shop):
    over = shop.hold()
    lasting = [shop.hold(ttl_ms=1001), shop.hold(ttl_ms=None)]
    shop.clock.advance(ms=1000)
    assert shop.holds.expire_due() == 1
    assert shop.holds.reservation(over).state == "expired"
    assert [shop.holds.reservation(held).state for held in lasting] == ["held", "held"]


def test_more_than_one_batch_ends_in_one_pass(shop: Shop):
    for _ in range(501):
        shop.hold()
    shop.clock.advance(ms=1000)
    assert (shop.holds.expire_due(), shop.reserved, shop.holds.expire_due()) == (501, 0, 0)


def test_two_processes_that_sweep_at_once_end_each_hold_once(shop: Shop):
    for _ in range(40):
        shop.hold()
    shop.clock.advance(ms=1000)
    ended = run_parallel([shop.holds.expire_due, shop.other.expire_due] * 4, at_once=8)
    assert (sum(ended), shop.reserved) == (40, 0)
    assert sum(event.type == "reservation.expired" for event in shop.ledger.events) == 40


def test_what_another_ended_in_between_stops_no_sweep(shop: Shop):
    for _ in range(3):
        shop.hold()
    shop.clock.advance(ms=1000)
    shop.ledger.instead = [shop.other.expire_due]
    assert (shop.holds.expire_due(), shop.reserved) == (0, 0)


def test_what_cannot_be_ended_now_stops_nothing_else_and_is_due_again(shop: Shop):
    for _ in range(3):
        shop.hold()
    shop.clock.advance(ms=1000)
    shop.ledger.instead = [None, StorageUnavailable("injected", outcome="none"), None]
    with pytest.raises(StorageUnavailable):
        shop.holds.expire_due()
    assert shop.reserved == 1
    assert (shop.holds.expire_due(), shop.reserved) == (1, 0)


class Tickets(Ledger):
    """Each change is answered with the next of ``tickets``; one that is an error is raised at once."""

    tickets: list

    def submit(self, entities, decide, key=None, weight=1):
        ticket = self.tickets.pop(0)
        if isinstance(ticket, Exception):
            raise ticket
        return ticket


@pytest.mark.parametrize("first", [_Failing(ReadOnly("injected")), None], ids=["late", "at once"])
def test_whatever_was_submitted_is_waited_for_though_another_is_refused(shop: Shop, first: _Failing | None):
    waited = []

    class Noted:
        def wait(self) -> None:
            waited.append(self)

    for _ in range(2):
        shop.hold()
    shop.clock.advance(ms=1000)
    shop.ledger.__class__ = Tickets
    shop.ledger.tickets = [Noted(), ReadOnly("injected")] if first is None else [first, Noted()]
    with pytest.raises(ReadOnly):
        shop.holds.expire_due()
    assert len(waited) == 1


class Queue(Ledger):
    """Notes how many lines were submitted before a thread waited for one of them."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.at_once = [0]

    def submit(self, entities, decide, key=None, weight=1):
        ticket = super().submit(entities, decide, key, weight)
        self.at_once[-1] += weight
        return Noting(self, ticket)


class Noting(NamedTuple):
    queue: Queue
    ticket: Any

    def wait(self):
        if self.queue.at_once[-1]:
            self.queue.at_once.append(0)
        return self.ticket.wait()


def test_the_sweep_submits_at_most_500_lines_before_it_waits_for_them():
    clock = Clock()
    ledger = Queue(clock)
    stock = StockService(ledger)
    holds = ReservationService(ledger, stock, clock, HoldHistory(ledger.history))
    items = [item(f"sku-{number}") for number in range(240)]
    stock.change(AtomicBatch(tuple(CountStock(at, 1000) for at in items)))
    for _ in range(5):
        holds.hold(tuple(WantedLine(at, 1) for at in items), ttl_ms=1000)
    clock.advance(ms=1000)
    ledger.at_once = [0]

    assert holds.expire_due() == 5
    assert ledger.at_once == [480, 480, 240, 0]


def test_a_commit_after_the_end_is_refused_though_nothing_has_swept(shop: Shop):
    held = shop.hold()
    shop.clock.advance(ms=1000)
    with pytest.raises(ReservationExpired):
        shop.holds.commit(held)


@pytest.mark.parametrize("act", [ReservationService.commit, ReservationService.release])
def test_the_whole_asked_twice_gives_the_same_answer_and_one_event(shop: Shop, act: Callable):
    held = shop.hold()
    first, again = act(shop.holds, held), act(shop.other, held)
    assert (first, len(shop.ledger.events)) == (again, 3)


def test_of_a_commit_and_a_release_at_once_one_happens(shop: Shop):
    for _ in range(20):
        held = shop.hold(5)

        def attempt(act: Callable, held: str = held) -> bool:
            try:
                act(held)
            except WrongState:
                return False
            return True

        done = run_parallel([lambda: attempt(shop.holds.commit), lambda: attempt(shop.other.release)], at_once=2)
        assert sum(done) == 1
    assert shop.reserved == 0


def test_a_part_under_a_key_is_committed_once(shop: Shop):
    held = shop.hold(3)
    part = (WantedLine(A, 1),)
    answers = [shop.holds.commit(held, part, key=IdempotencyKey("k", "h")) for _ in range(2)]
    assert [answer.replayed for answer in answers] == [False, True]
    assert answers[0].reservation == answers[1].reservation
    assert (shop.ledger.record(A).on_hand, shop.reserved) == (999, 2)


def test_an_ended_one_is_forgotten_after_its_time(shop: Shop):
    held = shop.hold()
    shop.holds.release(held)
    shop.clock.advance(ms=86_400_000 - 1)
    shop.hold()
    assert shop.holds.reservation(held).state == "released"
    shop.clock.advance(ms=60_001)
    shop.hold()
    with pytest.raises(ReservationNotFound):
        shop.holds.reservation(held)


def test_a_key_is_looked_up_before_a_reservation_that_is_no_longer_known(shop: Shop):
    """A server that is started with a shorter IDEMP_TTL_MS keeps ended reservations for less long than old keys."""
    name, key = shop.hold(), IdempotencyKey("key", "hash")
    first = shop.holds.commit(name, key=key)
    shop.clock.advance(ms=1)
    shop.ledger._state.forget(shop.clock(), 0)
    with pytest.raises(ReservationNotFound):
        shop.holds.reservation(name)
    assert shop.holds.commit(name, key=key) == (first.reservation, True)
    with pytest.raises(ReservationNotFound):
        shop.holds.commit(name, key=IdempotencyKey("other", "hash"))
