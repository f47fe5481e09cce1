"""Upkeep: when a snapshot is taken, and that one process at a time does it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from given import Clock

from inventory.domain.errors import StorageUnavailable
from inventory.service.upkeep import StorageFigures, Upkeep


class Keeper:
    """A log on which nothing is really done; a snapshot takes ``takes_ms`` and fails while ``failing``."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.events = 0
        self.done: list[str] = []
        self.takes_ms = 0
        self.failing = False
        self.taken_by_another = False

    @contextmanager
    def turn(self) -> Iterator[bool]:
        yield not self.taken_by_another

    def events_since_snapshot(self) -> int:
        return self.events

    def take_snapshot(self) -> int:
        self.clock.advance(ms=self.takes_ms)
        if self.failing:
            raise StorageUnavailable("the disk is full", outcome="none")
        self.done.append("snapshot")
        self.events = 0
        return 7

    def compact(self) -> int:
        self.done.append("compaction")
        return 0

    def whole_snapshots(self) -> list[int]:
        return []

    def figures(self) -> StorageFigures:
        return StorageFigures(1, 2, 3, 4)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keeper(clock: Clock) -> Keeper:
    return Keeper(clock)


@pytest.fixture
def upkeep(keeper: Keeper, clock: Clock) -> Upkeep:
    return Upkeep(keeper, clock, every_n_events=100)


def test_before_enough_events_nothing_is_done(upkeep: Upkeep, keeper: Keeper):
    keeper.events = 99
    assert (upkeep.run_if_due(), keeper.done) == (False, [])


def test_after_enough_events_a_snapshot_is_taken_and_then_compacted(upkeep: Upkeep, keeper: Keeper):
    keeper.events = 100
    assert (upkeep.run_if_due(), keeper.done) == (True, ["snapshot", "compaction"])


def test_while_another_process_is_at_it_nothing_is_done(upkeep: Upkeep, keeper: Keeper):
    keeper.events, keeper.taken_by_another = 100, True
    assert (upkeep.run_if_due(), keeper.done) == (False, [])


def test_it_takes_at_most_a_tenth_of_the_time(upkeep: Upkeep, keeper: Keeper, clock: Clock):
    keeper.events, keeper.takes_ms = 100, 1000
    upkeep.run_if_due()
    keeper.events = 100
    clock.advance(ms=8999)
    assert not upkeep.run_if_due()
    clock.advance(ms=1)
    assert upkeep.run_if_due()


def test_after_a_failure_it_is_tried_again_a_while_later(upkeep: Upkeep, keeper: Keeper, clock: Clock):
    keeper.events, keeper.failing = 100, True
    with pytest.raises(StorageUnavailable):
        upkeep.run_if_due()
    keeper.failing = False
    assert not upkeep.run_if_due()
    clock.advance(ms=15_000)
    assert upkeep.run_if_due()


def test_on_demand_it_does_not_wait_for_its_time(upkeep: Upkeep, keeper: Keeper):
    assert (upkeep.run_once(), keeper.done) == (7, ["snapshot", "compaction"])
