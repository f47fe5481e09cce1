"""Upkeep: when a snapshot is taken, and that one process at a time does it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.given import Clock

from inventory.domain.errors import StorageUnavailable
from inventory.service.maintenance import Upkeep
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
    def turn(self) -> Iterator[bool]:
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
def keeper(clock: Clock) -> Keeper:
    return Keeper(clock)


@pytest.fixture
def upkeep(keeper: Keeper, clock: Clock) -> Upkeep:
    return Upkeep(keeper, clock, every_n_events=100, every_bytes=5000)


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


def test_few_events_of_many_bytes_are_enough(upkeep: Upkeep, keeper: Keeper):
    keeper.events, keeper.bytes = 1, 4999
    assert (upkeep.run_if_due(), keeper.done) == (False, [])
    keeper.bytes = 5000
    assert (upkeep.run_if_due(), keeper.done) == (True, ["snapshot", "compaction"])


def test_what_the_keys_of_an_idle_log_held_back_is_compacted_without_a_snapshot(upkeep: Upkeep, keeper: Keeper):
    keeper.left = 3
    assert (upkeep.run_if_due(), keeper.done) == (True, ["compaction"])
    assert (upkeep.run_if_due(), keeper.done) == (False, ["compaction"])


def test_while_another_process_is_at_it_nothing_is_compacted(upkeep: Upkeep, keeper: Keeper):
    keeper.left, keeper.taken_by_another = 3, True
    assert (upkeep.run_if_due(), keeper.done) == (False, [])


def test_a_compaction_that_could_move_nothing_is_tried_again_a_while_later(
    upkeep: Upkeep, keeper: Keeper, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(keeper, "can_compact", lambda: True)
    assert (upkeep.run_if_due(), upkeep.run_if_due(), keeper.done) == (True, False, ["compaction"])
    clock.advance(ms=15_000)
    assert upkeep.run_if_due()


def test_a_compaction_that_could_move_nothing_takes_at_most_a_tenth_of_the_time(
    upkeep: Upkeep, keeper: Keeper, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    """To find that none of them can be used, whole snapshots are read."""
    monkeypatch.setattr(keeper, "can_compact", lambda: True)
    monkeypatch.setattr(keeper, "compact", lambda: clock.advance(ms=10_000))
    assert upkeep.run_if_due()
    clock.advance(ms=89_999)
    assert not upkeep.run_if_due()
    clock.advance(ms=1)
    assert upkeep.run_if_due()
