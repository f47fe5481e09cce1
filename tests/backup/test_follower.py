"""The passes of a continuous copy: what is reported, what is tried again, and what ends it."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest
from support.scripted_copying import BROKEN, FULL, POSITION, World

from inventory.backup.follow import PAUSE_AFTER_FAILURE_SECONDS
from inventory.backup.manifest import BackupError, Manifest, write_manifest
from inventory.domain.values import Instant
from inventory.eventlog.errors import LogDamaged, LogError, StateUnusable
from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The messages so far."""
    caplog.set_level(logging.INFO, "inventory.backup")
    return lambda: [record.getMessage() for record in caplog.records]


def test_the_position_is_as_of_the_beginning_of_the_pass(world: World):
    world.takes_ms = 700
    assert world.follower().pass_once()
    assert (world.lag(), world.positions.find(world.target)) == (700, POSITION._replace(target=str(world.target)))


def test_while_a_snapshot_is_copied_the_position_follows_the_log(world: World):
    world.takes_ms, world.snapshot_takes_ms = 100, [250, 250, 250]
    world.follower().pass_once()
    assert world.lags == [100, 250, 250, 250]


def test_a_failed_pass_is_made_again_and_the_lag_grows_meanwhile(world: World):
    follower = world.follower()
    follower.pass_once()
    world.faults = [FULL, FULL]
    lags = []
    for _ in range(3):
        world.clock.advance(ms=500)
        follower.pass_once()
        lags.append(world.lag())
    assert (lags, world.copied) == ([500, 1_000, 0], 2)


@pytest.mark.parametrize("fault", [FULL, StateUnusable("no server has started"), FileNotFoundError(2, "No such file")])
def test_a_cause_is_reported_once_however_often_it_is_met(world: World, told, fault: Exception):
    world.faults = [fault] * 5
    follower = world.follower()
    for _ in range(6):
        follower.pass_once()
    assert told() == ["a pass failed", "copying again"]


def test_another_cause_is_reported_too_and_the_same_one_when_it_comes_back(world: World, told):
    world.faults = [FULL, BROKEN, BROKEN, None, BROKEN]
    follower = world.follower()
    for _ in range(5):
        follower.pass_once()
    assert told() == ["a pass failed", "a pass failed", "copying again", "a pass failed"]


def test_a_source_without_a_clock_for_a_while_is_reported_and_tried_again(world: World, told):
    world.away = StateUnusable("no server has started on this folder")
    follower = world.follower()
    assert not follower.pass_once()
    world.away = None
    assert follower.pass_once()
    assert told() == ["a pass failed", "copying again"]


@pytest.mark.parametrize("error", [BackupError("another ledger"), LogError("a gap"), ValueError("a fault")])
def test_any_other_error_ends_it(world: World, error: Exception):
    world.faults = [error]
    with pytest.raises(type(error)):
        world.follower().run(SimpleQueue())


def test_a_new_copy_begins_where_there_never_was_one(world: World):
    assert world.follower().pass_once()


@pytest.mark.parametrize("leave", ["nothing", "an empty folder"])
def test_once_begun_it_begins_no_other_copy_in_the_place_of_one_that_is_gone(world: World, told, leave: str):
    follower = world.follower()
    follower.pass_once()
    away = world.target.with_name("away")
    world.target.rename(away)
    if leave == "an empty folder":
        world.target.mkdir()
    assert not follower.pass_once()
    assert not world.follower().pass_once(), "nor does it after a restart"
    assert (world.copied, world.target.exists() and os.listdir(world.target)) == (1, leave != "nothing" and [])

    if leave == "an empty folder":
        world.target.rmdir()
    away.rename(world.target)
    assert follower.pass_once()
    assert told() == ["a pass failed", "a pass failed", "copying again"]


def test_a_forgotten_copy_may_begin_again(world: World):
    world.follower().pass_once()
    world.positions.forget(world.target)
    (world.target / "manifest.json").unlink()
    assert world.follower().pass_once()


def test_a_position_that_cannot_be_written_is_no_copy_that_is_up_to_date(world: World, told):
    follower = world.follower()
    follower.pass_once()
    world.positions.path(world.target).unlink()
    world.layout.backups.rmdir()
    world.layout.backups.write_bytes(b"")
    assert not follower.pass_once()
    assert told() == ["a pass failed"]


def test_the_position_stands_from_the_moment_at_which_the_target_is_accepted(world: World):
    world.follower().pass_once()
    assert [(position.target, position.sequence) for position in world.stood] == [(str(world.target), 0)]


def test_between_passes_the_target_stays_open_and_after_a_failed_one_it_is_released(world: World):
    follower = world.follower()
    for _ in range(3):
        follower.pass_once()
    assert (world.is_open, world.opened) == (True, 1)
    world.away = StateUnusable("no server has started on this folder")
    follower.pass_once()
    assert not world.is_open


def test_a_source_that_was_made_again_has_the_target_checked_again(world: World):
    follower = world.follower()
    follower.pass_once()
    world.made += 1
    follower.pass_once()
    follower.pass_once()
    assert world.opened == 2


def test_a_manifest_that_another_process_has_written_has_the_target_checked_again(world: World):
    follower = world.follower()
    follower.pass_once()
    other = Manifest("another", "another", None, Instant(2), "0")
    write_manifest(world.target, other, Disk(), RetryPolicy(1))
    follower.pass_once()
    assert world.opened == 2


def test_where_the_log_looks_damaged_the_target_is_checked_again_once(world: World):
    follower = world.follower()
    follower.pass_once()
    damaged = LogDamaged(Path("1"), 1, 0, "the hash chain is broken here")
    world.faults = [damaged, BackupError("the log was restored")]
    with pytest.raises(BackupError, match="restored"):
        follower.pass_once()
    world.faults = [damaged, damaged, damaged]
    with pytest.raises(LogDamaged):
        follower.pass_once()


def test_after_a_failed_pass_it_waits_longer(world: World):
    class Endings(SimpleQueue):  # type: ignore[type-arg]
        def get(self, block: bool = True, timeout: float | None = None) -> str:
            waits.append(timeout)
            if len(waits) < 3:
                raise Empty
            return "told to"

    waits: list[float | None] = []
    world.faults = [None, FULL]
    world.follower().run(Endings(), monotonic=lambda: 7.0)
    assert waits == [0.5, PAUSE_AFTER_FAILURE_SECONDS, 0.5]


def test_told_to_end_it_makes_a_last_pass(world: World):
    endings: SimpleQueue[str] = SimpleQueue()
    endings.put("told to")
    world.follower().run(endings)
    assert world.copied == 2


def test_it_ends_although_the_last_pass_fails(world: World, told):
    endings: SimpleQueue[str] = SimpleQueue()
    endings.put("told to")
    world.faults = [None, FULL]
    world.follower().run(endings)
    assert told() == ["a pass failed"]
