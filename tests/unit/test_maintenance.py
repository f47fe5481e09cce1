"""Maintenance: when a snapshot is taken, and that one process at a time does it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.given import Clock

from inventory.domain.errors import StorageUnavailable
from inventory.service.maintenance import Maintenance
from inventory.service.ports.maintenance import Behind, StorageFigures


class Keeper:
    """A log on which nothing is really done; a snapshot takes ``takes_ms`` and fails while ``failing``."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.events = self.bytes = 0
        self.left = 0
        self.done: list[str] = []
        self.takes_ms = 0
        self.failing = False
        self.taken_by_another = False

    @contextmanager
    def lock(self) -> Iterator[bool]:
        yield not self.taken_by_another

    def since_snapshot(self) -> Behind:
        return Behind(self.events, self.bytes)

    def take_snapshot(self) -> int:
        self.clock.advance(ms=self.takes_ms)
        if self.failing:
            raise StorageUnavailable("the disk is full", outcome="none")
        self.done.append("snapshot")
        self.events = 0
        return 7

    def compact(self) -> int:
        self.done.append("compaction")
        moved, self.left = self.left, 0
        return moved

    def can_compact(self) -> bool:
        return self.left > 0

    def needed_from(self) -> int:
        return 1

    def whole_snapshots(self) -> list[int]:
        return []

    def figures(self) -> StorageFigures:
        return StorageFigures(1, 2, 3, 4)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log_maintenance(clock: Clock) -> Keeper:
    return Keeper(clock)


@pytest.fixture
def maintenance(log_maintenance: Keeper, clock: Clock) -> Maintenance:
    return Maintenance(log_maintenance, clock, every_n_events=100, every_bytes=5000)


def test_before_enough_events_nothing_is_done(maintenance: Maintenance, log_maintenance: Keeper):
    log_maintenance.events = 99
    assert (maintenance.run_if_due(), log_maintenance.done) == (False, [])


def test_after_enough_events_a_snapshot_is_taken_and_then_compacted(maintenance: Maintenance, log_maintenance: Keeper):
    log_maintenance.events = 100
    assert (maintenance.run_if_due(), log_maintenance.done) == (True, ["snapshot", "compaction"])


def test_while_another_process_is_at_it_nothing_is_done(maintenance: Maintenance, log_maintenance: Keeper):
    log_maintenance.events, log_maintenance.taken_by_another = 100, True
    assert (maintenance.run_if_due(), log_maintenance.done) == (False, [])


def test_it_takes_at_most_a_tenth_of_the_time(maintenance: Maintenance, log_maintenance: Keeper, clock: Clock):
    log_maintenance.events, log_maintenance.takes_ms = 100, 1000
    maintenance.run_if_due()
    log_maintenance.events = 100
    clock.advance(ms=8999)
    assert not maintenance.run_if_due()
    clock.advance(ms=1)
    assert maintenance.run_if_due()


def test_after_a_failure_it_is_tried_again_a_while_later(
    maintenance: Maintenance, log_maintenance: Keeper, clock: Clock
):
    log_maintenance.events, log_maintenance.failing = 100, True
    with pytest.raises(StorageUnavailable):
        maintenance.run_if_due()
    log_maintenance.failing = False
    assert not maintenance.run_if_due()
    clock.advance(ms=15_000)
    assert maintenance.run_if_due()


def test_on_demand_it_does_not_wait_for_its_time(maintenance: Maintenance, log_maintenance: Keeper):
    assert (maintenance.run_once(), log_maintenance.done) == (7, ["snapshot", "compaction"])


def test_few_events_of_many_bytes_are_enough(maintenance: Maintenance, log_maintenance: Keeper):
    log_maintenance.events, log_maintenance.bytes = 1, 4999
    assert (maintenance.run_if_due(), log_maintenance.done) == (False, [])
    log_maintenance.bytes = 5000
    assert (maintenance.run_if_due(), log_maintenance.done) == (True, ["snapshot", "compaction"])


def test_what_the_keys_of_an_idle_log_held_back_is_compacted_without_a_snapshot(
    maintenance: Maintenance, log_maintenance: Keeper
):
    log_maintenance.left = 3
    assert (maintenance.run_if_due(), log_maintenance.done) == (True, ["compaction"])
    assert (maintenance.run_if_due(), log_maintenance.done) == (False, ["compaction"])


def test_while_another_process_is_at_it_nothing_is_compacted(maintenance: Maintenance, log_maintenance: Keeper):
    log_maintenance.left, log_maintenance.taken_by_another = 3, True
    assert (maintenance.run_if_due(), log_maintenance.done) == (False, [])


def test_a_compaction_that_could_move_nothing_is_tried_again_a_while_later(
    maintenance: Maintenance, log_maintenance: Keeper, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(log_maintenance, "can_compact", lambda: True)
    assert (maintenance.run_if_due(), maintenance.run_if_due(), log_maintenance.done) == (True, False, ["compaction"])
    clock.advance(ms=15_000)
    assert maintenance.run_if_due()


def test_a_compaction_that_could_move_nothing_takes_at_most_a_tenth_of_the_time(
    maintenance: Maintenance, log_maintenance: Keeper, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    """To find that none of them can be used, whole snapshots are read."""
    monkeypatch.setattr(log_maintenance, "can_compact", lambda: True)
    monkeypatch.setattr(log_maintenance, "compact", lambda: clock.advance(ms=10_000))
    assert maintenance.run_if_due()
    clock.advance(ms=89_999)
    assert not maintenance.run_if_due()
    clock.advance(ms=1)
    assert maintenance.run_if_due()
