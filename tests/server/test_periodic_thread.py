"""A thread of a worker: it continues after every failure, ends when told, and another worker's takes over."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from inventory.domain.commands import CountStock
from inventory.domain.errors import StorageUnavailable
from inventory.domain.values import Instant, item_id
from inventory.memory.ledger import MemoryLedger
from inventory.server.periodic_jobs import INTERVAL_SECONDS, PeriodicThread
from inventory.service.ports.published_views import SyncStatus
from inventory.service.ports.stock_reads import StockWalk
from inventory.service.stock import StockService
from inventory.service.sync import Sync, SyncResult

PATIENCE = 20
"""How long a test waits for what should happen at once before it fails."""


class Calls:
    """A sync whose calls are counted, and end as the test says."""

    def __init__(self, ending: Callable[[int], None] = lambda _: None) -> None:
        self.count = 0
        self.ending = ending
        self._changed = threading.Condition()

    def sync_if_due(self) -> SyncResult | None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()
        self.ending(self.count)
        return None

    def wait_for(self, count: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.count >= count, PATIENCE)


@contextmanager
def running(sync: Calls | Sync, interval: float = 0.001) -> Iterator[PeriodicThread]:
    thread = PeriodicThread("sync", sync.sync_if_due, interval)
    thread.start()
    try:
        yield thread
    finally:
        thread.stop()
        assert thread.join(PATIENCE)


def full_disk(_: int) -> None:
    raise StorageUnavailable("no space left", outcome="none")


def test_it_looks_often_enough_that_another_takes_over_within_a_second() -> None:
    assert INTERVAL_SECONDS <= 0.5


def test_it_looks_at_once_and_then_again_and_again() -> None:
    calls = Calls()
    with running(calls):
        assert calls.wait_for(3)


def test_the_first_look_does_not_wait_for_the_interval() -> None:
    calls = Calls()
    with running(calls, interval=3600):
        assert calls.wait_for(1)


def test_errors_do_not_end_it() -> None:
    calls = Calls(full_disk)
    with running(calls):
        assert calls.wait_for(3)


def test_errors_are_counted() -> None:
    calls = Calls(full_disk)
    with running(calls) as thread:
        calls.wait_for(3)
    assert thread.failures == calls.count


def test_an_error_is_logged_as_one_line_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    calls = Calls(lambda count: full_disk(count) if count == 1 else None)
    with caplog.at_level(logging.WARNING, "inventory.sync"), running(calls):
        calls.wait_for(2)
    assert [record.__dict__["reason"] for record in caplog.records] == ["StorageUnavailable: no space left"]


def test_told_to_stop_it_does_not_wait_for_the_interval() -> None:
    calls = Calls()
    with running(calls, interval=3600) as thread:
        calls.wait_for(1)
        thread.stop()
        assert thread.join(PATIENCE)


def test_stop_does_not_wait_for_a_pass_that_is_at_work() -> None:
    at_work, may_end = threading.Event(), threading.Event()

    def long_pass(_: int) -> None:
        at_work.set()
        may_end.wait(PATIENCE)

    with running(Calls(long_pass)) as thread:
        at_work.wait(PATIENCE)
        thread.stop()
        still_at_work = not may_end.is_set()
        may_end.set()
    assert still_at_work


def test_it_does_not_keep_a_process_from_ending() -> None:
    with running(Calls()) as thread:
        assert thread._thread.daemon


class SharedViews:
    """Published views whose lock can be held by a process that is gone from the test's sight."""

    def __init__(self) -> None:
        self.held = threading.Lock()
        self.published = threading.Event()
        self.last = SyncStatus(-1, Instant(0), 0, 0)

    @contextmanager
    def lock(self, *, wait_ms: int) -> Iterator[bool]:
        ours = self.held.acquire(timeout=wait_ms / 1000)
        try:
            yield ours
        finally:
            if ours:
                self.held.release()

    def publish(self, snapshot: StockWalk) -> None:
        self.published.set()

    def status(self) -> SyncStatus:
        return self.last

    def note(self, status: SyncStatus) -> None:
        self.last = status


def test_when_the_process_that_publishes_dies_another_one_publishes() -> None:
    ledger, views = MemoryLedger(), SharedViews()
    StockService(ledger).change(CountStock(item_id("berlin", "mug"), 5))
    looked = Calls()
    sync = Sync(ledger, views, lambda: Instant(10**15), interval_ms=1)

    def look(_: int) -> None:
        sync.sync_if_due()

    looked.ending = look
    views.held.acquire()  # another process runs the pass
    with running(looked):
        looked.wait_for(2)
        nothing_yet = not views.published.is_set()
        views.held.release()  # and dies: the kernel frees its lock
        assert views.published.wait(PATIENCE)
    assert nothing_yet
