"""Periodic jobs: what a process does beside its requests, and how these jobs end."""

import logging
import threading
from collections.abc import Callable, Mapping
from types import SimpleNamespace

import pytest
from support.given import Clock, adding, item
from support.views import MemoryViews

from inventory.domain.errors import StorageUnavailable
from inventory.memory.ledger import MemoryLedger
from inventory.server.periodic_jobs import PeriodicJobs
from inventory.service.sync import Sync, SyncResult

PATIENCE = 20


class Passes:
    """Passes that are counted; ``age`` is what they find, and 0 after one."""

    def __init__(self, age: int | None = 5, fails: Exception | None = None) -> None:
        self.age, self.fails, self.passes = age, fails, 0
        self.may_end = threading.Event()
        self.may_end.set()
        self.after_pass: Callable[[], None] = lambda: None

    def age_ms(self) -> int | None:
        return self.age

    def sync_once(self, *, wait_ms: int = 0, force: bool = False) -> SyncResult:
        assert self.may_end.wait(PATIENCE)
        if self.fails is not None:
            raise self.fails
        self.passes += 1
        self.age = 0
        self.after_pass()
        return SyncResult(True, 7, 1)


def background(sync: Passes | Sync, actions: Mapping[str, Callable[[], object]] | None = None) -> PeriodicJobs:
    services = SimpleNamespace(sync=sync, periodic_actions=lambda: actions or {})
    made = PeriodicJobs(services)
    made.start()
    return made


@pytest.mark.parametrize("age", [5, None])
def test_at_the_end_what_is_not_published_yet_is_published(age: int | None) -> None:
    sync = Passes(age)
    background(sync).finish(PATIENCE)
    assert sync.passes == 1


def test_where_everything_is_published_nothing_is_done(caplog: pytest.LogCaptureFixture) -> None:
    sync = Passes(age=0)
    background(sync).finish(PATIENCE)
    assert (sync.passes, caplog.records) == (0, [])


def test_what_was_committed_at_the_instant_of_the_pass_of_another_process_is_published() -> None:
    clock = Clock()
    views, ledger = MemoryViews(clock), MemoryLedger(now=clock)
    here, other = (Sync(ledger, views, clock, 15_000) for _ in range(2))
    ledger.submit((item(),), adding((item(), 1)), None).wait()
    other.sync_once()
    ledger.submit((item(),), adding((item(), 1)), None).wait()

    background(here).finish(PATIENCE)

    assert [snapshot.as_of_sequence for snapshot in views.published] == [1, 2]


def test_what_was_at_work_and_commits_after_the_last_pass_is_published_too() -> None:
    begun, may_commit = threading.Event(), threading.Event()
    sync = Passes()

    def expiry() -> None:
        begun.set()
        assert may_commit.wait(PATIENCE)
        sync.age = 5

    sync.after_pass = may_commit.set
    made = background(sync, {"expiry": expiry})
    assert begun.wait(PATIENCE)

    made.finish(PATIENCE)

    assert (sync.passes, sync.age) == (2, 0)


def test_what_other_processes_commit_after_the_last_pass_is_left_to_them() -> None:
    sync = Passes()
    sync.after_pass = lambda: setattr(sync, "age", 5)
    background(sync).finish(PATIENCE)
    assert sync.passes == 1


def test_a_last_pass_that_fails_is_told_and_not_raised(caplog: pytest.LogCaptureFixture) -> None:
    background(Passes(fails=StorageUnavailable("the disk is full", outcome="none"))).finish(PATIENCE)
    assert [(record.levelno, record.reason) for record in caplog.records] == [
        (logging.WARNING, "StorageUnavailable: the disk is full")
    ]


def test_a_last_pass_that_takes_too_long_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    sync = Passes()
    sync.may_end.clear()
    background(sync).finish(0.01)
    assert "giving up" in caplog.text
    sync.may_end.set()


def test_what_is_at_work_is_finished() -> None:
    begun, may_end, done = threading.Event(), threading.Event(), threading.Event()

    def snapshot() -> None:
        begun.set()
        assert may_end.wait(PATIENCE)
        done.set()

    made = background(Passes(), {"maintenance": snapshot})
    assert begun.wait(PATIENCE)
    threading.Timer(0.01, may_end.set).start()

    made.finish(PATIENCE)

    assert done.is_set()


def test_after_the_end_nothing_begins_any_more() -> None:
    calls: list[int] = []
    made = background(Passes(), {"sync": lambda: calls.append(1)})
    made.finish(PATIENCE)
    before = len(calls)
    made.finish(PATIENCE)
    assert len(calls) == before
