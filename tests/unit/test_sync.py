"""Sync: when a pass is due, what it publishes, what a failure leaves, and how far the published views are behind."""

import pytest
from support.given import Clock, adding, item
from support.views import MemoryViews

from inventory.domain.errors import Overloaded, StorageUnavailable
from inventory.memory.ledger import MemoryLedger
from inventory.service.ports.published_views import SyncStatus
from inventory.service.sync import Sync, SyncResult

HERE = item()
INTERVAL = 15_000
FULL = StorageUnavailable("the disk is full", outcome="none")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def views(clock: Clock) -> MemoryViews:
    return MemoryViews(clock)


@pytest.fixture
def ledger(clock: Clock) -> MemoryLedger:
    ledger = MemoryLedger(now=clock)
    sell_one(ledger)
    return ledger


@pytest.fixture
def sync(ledger: MemoryLedger, views: MemoryViews, clock: Clock) -> Sync:
    return Sync(ledger, views, clock, INTERVAL)


def sell_one(ledger: MemoryLedger) -> None:
    ledger.submit((HERE,), adding((HERE, 1)), None).wait()


def test_a_pass_on_demand_publishes_what_is_committed(sync: Sync, views: MemoryViews):
    assert (sync.sync_once(), views.published[0].as_of_sequence) == (SyncResult(True, 1, 0), 1)


def test_a_pass_notes_what_was_published_when_and_how_long_it_took(sync: Sync, views: MemoryViews, clock: Clock):
    views.takes_ms = 40
    sync.sync_once()
    assert sync.status() == SyncStatus(1, clock(), 40, 0)


def test_a_pass_on_demand_does_nothing_where_all_is_published(sync: Sync, views: MemoryViews):
    sync.sync_once()
    assert (sync.sync_once(), len(views.published)) == (SyncResult(False, 1, 0), 1)


def test_an_empty_log_is_published_once(views: MemoryViews, clock: Clock):
    sync = Sync(MemoryLedger(now=clock), views, clock, INTERVAL)
    assert [sync.sync_once().published for _ in range(2)] == [True, False]


def test_the_first_pass_is_due_at_once(sync: Sync):
    assert sync.sync_if_due() == SyncResult(True, 1, 0)


def test_the_next_pass_is_due_when_the_interval_is_over(sync: Sync, ledger: MemoryLedger, clock: Clock):
    sync.sync_if_due()
    sell_one(ledger)
    clock.advance(ms=INTERVAL - 1)
    early = sync.sync_if_due()
    clock.advance(ms=1)
    assert (early, sync.sync_if_due()) == (None, SyncResult(True, 2, 0))


def test_no_pass_is_due_while_nothing_has_changed(sync: Sync, views: MemoryViews, clock: Clock):
    sync.sync_if_due()
    clock.advance(ms=100 * INTERVAL)
    assert (sync.sync_if_due(), len(views.waited)) == (None, 1)


def test_passes_take_at_most_a_tenth_of_the_time(sync: Sync, views: MemoryViews, ledger: MemoryLedger, clock: Clock):
    views.takes_ms = INTERVAL
    sync.sync_if_due()
    sell_one(ledger)
    clock.advance(ms=9 * INTERVAL - 1)
    early = sync.sync_if_due()
    clock.advance(ms=1)
    assert (early, sync.sync_if_due().published) == (None, True)


def test_on_demand_the_time_since_the_last_pass_does_not_matter(sync: Sync, ledger: MemoryLedger):
    sync.sync_once()
    sell_one(ledger)
    assert sync.sync_once().published


def test_a_failure_is_raised_and_counted(sync: Sync, views: MemoryViews):
    views.error = FULL
    with pytest.raises(StorageUnavailable):
        sync.sync_once()
    assert (sync.status().sequence, sync.status().failures) == (-1, 1)


def test_after_a_failure_the_next_try_waits_for_the_interval(sync: Sync, views: MemoryViews, clock: Clock):
    views.error = FULL
    with pytest.raises(StorageUnavailable):
        sync.sync_if_due()
    clock.advance(ms=INTERVAL - 1)
    assert sync.sync_if_due() is None


def test_after_a_failure_the_next_pass_publishes_all(sync: Sync, views: MemoryViews, clock: Clock):
    views.error = FULL
    with pytest.raises(StorageUnavailable):
        sync.sync_if_due()
    views.error = None
    clock.advance(ms=INTERVAL)
    assert (sync.sync_if_due().published, sync.status().failures) == (True, 1)


def test_on_demand_another_process_that_is_publishing_is_waited_for_with_a_bound(sync: Sync, views: MemoryViews):
    views.is_free = False
    with pytest.raises(Overloaded):
        sync.sync_once(wait_ms=77)
    assert (views.waited, views.published) == ([77], [])


def test_a_due_pass_is_left_to_another_process_that_is_at_it(sync: Sync, views: MemoryViews):
    views.is_free = False
    assert (sync.sync_if_due(), views.waited, views.published) == (None, [0], [])


def test_a_due_pass_that_another_process_has_just_done_is_not_repeated(sync: Sync, views: MemoryViews, clock: Clock):
    views.before_turn = lambda: views.note(SyncStatus(1, clock(), 5, 0))
    assert (sync.sync_if_due(), views.published) == (None, [])


def test_a_pass_that_failed_is_not_taken_for_a_publication(ledger, views, clock):
    sync = Sync(ledger, views, clock, INTERVAL)
    sync.sync_once()
    published_at = sync.status().at
    clock.advance(ms=5)
    views.error = FULL
    with pytest.raises(StorageUnavailable):
        sync.sync_once(force=True)
    assert (sync.status().at, sync.status().failures) == (published_at, 1)


def test_what_is_up_to_date_is_published_again_only_by_force(ledger, views, clock):
    sync = Sync(ledger, views, clock, INTERVAL)
    sync.sync_once()
    assert (sync.sync_once().published, sync.sync_once(force=True).published) == (False, True)


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
