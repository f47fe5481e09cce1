"""A ticket drops its waiter once that is told or has given up: it may be queued for as long as the disk hangs."""

import gc
import weakref

import pytest

from inventory.domain.errors import Overloaded
from inventory.service.pending_change import PendingChange
from inventory.service.ports.change_queue import Outcome


class Waiter:
    def __init__(self) -> None:
        self.told = 0

    def tell(self) -> None:
        self.told += 1


def waiting(wait_ms: int = 1000) -> tuple[PendingChange, Waiter]:
    ticket, waiter = PendingChange((), lambda *_: None, None, wait_ms), Waiter()
    ticket.on_resolved(waiter.tell)
    return ticket, waiter


def assert_is_let_go_of(waiter: "weakref.ref[Waiter]") -> None:
    assert waiter() is None


@pytest.fixture(autouse=True)
def without_the_collector():
    gc.disable()
    yield
    gc.enable()


def test_a_waiter_that_has_been_told_is_dropped():
    ticket, waiter = waiting()
    ticket.resolve(Outcome(None, replayed=False))
    assert waiter.told == 1
    known = weakref.ref(waiter)
    del waiter
    assert_is_let_go_of(known)


def test_a_waiter_that_has_given_up_is_not_told_and_is_dropped():
    ticket, waiter = waiting(wait_ms=0)
    with pytest.raises(Overloaded):
        ticket.wait()
    known = weakref.ref(waiter)
    assert not waiter.told
    del waiter
    assert_is_let_go_of(known)
    assert not ticket.take()


def test_a_waiter_that_comes_late_is_told_at_once_and_is_dropped():
    ticket, _ = waiting()
    ticket.resolve(Outcome(None, replayed=False))
    late = Waiter()
    ticket.on_resolved(late.tell)
    assert late.told == 1
    known = weakref.ref(late)
    del late
    assert_is_let_go_of(known)
