"""EntityLocks: one holder at a time for each entity, no deadlock, no lock remains."""

import queue
import threading
from types import SimpleNamespace

import pytest
from support.given import item

from inventory.resilience import entity_locks
from inventory.resilience.entity_locks import EntityLocks

ONE, TWO = item("sku-1"), item("sku-2")
PATIENCE = 30


def in_thread(work) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_the_lock_of_an_unused_entity_is_dropped():
    locks = EntityLocks()
    with locks.holding([ONE, TWO]):
        assert len(locks) == 2
    assert len(locks) == 0


def test_locks_are_dropped_after_an_error_too():
    locks = EntityLocks()
    with pytest.raises(ZeroDivisionError), locks.holding([ONE]):
        raise ZeroDivisionError
    assert len(locks) == 0


def test_an_entity_that_is_named_twice_counts_once():
    with EntityLocks().holding([ONE, ONE]):
        pass


def test_the_second_waits_until_the_first_is_done():
    locks, entered, steps = EntityLocks(), threading.Event(), []

    def second() -> None:
        entered.set()
        with locks.holding([ONE]):
            steps.append("second")

    with locks.holding([ONE]):
        thread = in_thread(second)
        entered.wait(PATIENCE)
        # However long it has been waiting, it is not let in before the end of this block.
        thread.join(0.05)
        steps.append("first")
    thread.join(PATIENCE)
    assert steps == ["first", "second"]


def test_two_entities_do_not_wait_for_each_other():
    locks, done = EntityLocks(), threading.Event()

    def other() -> None:
        with locks.holding([TWO]):
            done.set()

    with locks.holding([ONE]):
        in_thread(other)
        assert done.wait(PATIENCE)


def test_a_counter_without_a_lock_of_its_own_loses_nothing():
    locks, counter = EntityLocks(), {ONE: 0, TWO: 0}

    def count() -> None:
        for turn in range(300):
            at = (ONE, TWO)[turn % 2]
            with locks.holding([at]):
                seen = counter[at]
                threading.Event().wait(0)
                counter[at] = seen + 1

    threads = [in_thread(count) for _ in range(8)]
    for thread in threads:
        thread.join(PATIENCE)
    assert (counter, len(locks)) == ({ONE: 1200, TWO: 1200}, 0)


@pytest.mark.parametrize("named", [[ONE, TWO], [TWO, ONE]])
def test_locks_are_tried_in_sorted_order_in_whatever_order_they_are_named(monkeypatch: pytest.MonkeyPatch, named):
    locks, tried = EntityLocks(), queue.Queue()

    class NotedLock:
        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.release = self.lock.release

        def acquire(self) -> None:
            tried.put(self)
            self.lock.acquire()

    def take() -> None:
        with locks.holding(named):
            pass

    monkeypatch.setattr(entity_locks, "threading", SimpleNamespace(Lock=NotedLock))
    with locks.holding([ONE]), locks.holding([TWO]):
        lock_of_one, _ = tried.get(), tried.get()
        thread = in_thread(take)
        assert tried.get(timeout=PATIENCE) is lock_of_one
    thread.join(PATIENCE)


def test_two_who_take_the_same_locks_in_opposite_order_never_wait_in_a_circle():
    locks, start = EntityLocks(), threading.Barrier(2)

    def take(*entities) -> None:
        start.wait(PATIENCE)
        for _ in range(2000):
            with locks.holding(entities):
                pass

    threads = [in_thread(lambda: take(ONE, TWO)), in_thread(lambda: take(TWO, ONE))]
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
