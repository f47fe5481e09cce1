"""How far the published views are behind."""

import pytest
from support.given import Clock, adding, item
from support.views import MemoryViews

from inventory.domain.errors import StorageUnavailable
from inventory.memory.ledger import MemoryLedger
from inventory.service.sync import Sync

INTERVAL = 15_000


class World:
    """A ledger with one event, its views, and a clock that is moved."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.views = MemoryViews(self.clock)
        self.ledger = MemoryLedger(now=self.clock)
        self.sync = Sync(self.ledger, self.views, self.clock, INTERVAL)
        self.sell_one()

    def sell_one(self) -> None:
        self.ledger.submit((item(),), adding((item(), 1)), None).wait()


@pytest.fixture
def world() -> World:
    return World()


def test_before_the_first_pass_there_is_no_age(world: World) -> None:
    assert world.sync.age_ms() is None


def test_where_everything_is_published_it_is_0_however_long_ago_that_was(world: World) -> None:
    world.sync.sync_once()
    world.clock.advance(ms=100_000)
    assert world.sync.age_ms() == 0


def test_with_something_new_it_is_the_time_since_the_pass(world: World) -> None:
    world.sync.sync_once()
    world.sell_one()
    world.clock.advance(ms=77)
    assert world.sync.age_ms() == 77


def test_what_was_committed_at_the_instant_of_the_pass_is_behind(world: World) -> None:
    world.sync.sync_once()
    world.sell_one()
    assert world.sync.age_ms() == 1


def test_a_part_of_a_millisecond_counts_as_a_whole_one(world: World) -> None:
    world.sync.sync_once()
    world.sell_one()
    world.clock.at += 2001
    assert world.sync.age_ms() == 3


def test_what_is_behind_is_as_old_as_the_last_instant_at_which_nothing_was(world: World) -> None:
    world.sync.sync_once()
    world.clock.advance(ms=100_000)
    world.sync.sync_if_due()  # as a thread does twice a second: nothing is new
    world.clock.advance(ms=20)
    world.sell_one()
    world.clock.advance(ms=7)
    assert world.sync.age_ms() == 27


def test_a_pass_that_fails_makes_nothing_younger(world: World) -> None:
    world.sync.sync_once()
    world.sell_one()
    world.clock.advance(ms=50)
    world.views.error = StorageUnavailable("the disk is full", outcome="none")
    with pytest.raises(StorageUnavailable):
        world.sync.sync_once()
    world.clock.advance(ms=50)
    assert world.sync.age_ms() == 100


def test_where_a_view_was_deleted_there_is_no_age(world: World) -> None:
    world.sync.sync_once()
    world.views.known = world.views.known._replace(sequence=-1)
    assert world.sync.age_ms() is None
