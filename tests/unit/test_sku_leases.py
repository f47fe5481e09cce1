"""StockService with leases: refused at once while another holds the SKU, fenced at the append."""

import errno
from functools import partial
from pathlib import Path

import pytest
from support.leases import HERE, THERE, World
from support.parallel import run_parallel

from inventory.domain.commands import AdjustStock, CountStock
from inventory.domain.errors import InsufficientStock, LockContended, LockLost, StorageUnavailable
from inventory.service.stock import StockService


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "locks")


def test_a_change_takes_the_lease_and_gives_it_back(world):
    held = []
    world.ledger.before = lambda: held.extend(world.files())
    assert world.service.change(AdjustStock(HERE, -1)).record.on_hand == 9
    assert len(held) == 1
    assert (world.files(), dict(world.counts)) == ([], {"acquired": 1})


def test_while_one_has_the_lease_another_is_refused_at_once_and_nothing_changes(world):
    with world.theirs.holding(["sku-1"]), pytest.raises(LockContended) as refusal:
        world.service.change(AdjustStock(HERE, -1))
    error = refusal.value
    assert (error.sku, error.retry_after_ms, error.reject_status, error.outcome) == ("sku-1", 700, 423, "none")
    assert world.service.record(HERE).version == 1
    assert dict(world.counts) == {"acquired": 1, "contended": 1}


def test_the_lease_of_a_sku_holds_for_all_stores(world):
    with world.theirs.holding(["sku-1"]), pytest.raises(LockContended):
        world.service.change(CountStock(THERE, 1))


def test_reads_need_no_lease(world):
    with world.theirs.holding(["sku-1"]):
        assert world.service.record(HERE).on_hand == 10


def test_a_refused_change_gives_its_lease_back(world):
    with pytest.raises(InsufficientStock):
        world.service.change(AdjustStock(HERE, -99))
    assert world.files() == []


@pytest.mark.parametrize("late_ms", [2000, 2001, 60_000])
def test_a_change_delayed_past_the_deadline_changes_nothing(world, late_ms):
    world.ledger.before = lambda: world.clock.advance(ms=late_ms)
    with pytest.raises(LockLost) as refusal:
        world.service.change(AdjustStock(HERE, -1))
    assert (refusal.value.sku, refusal.value.outcome) == ("sku-1", "none")
    assert world.service.record(HERE).version == 1
    assert dict(world.counts) == {"acquired": 1, "lost": 1, "expired": 1}


def test_a_change_delayed_until_just_before_the_deadline_succeeds(world):
    world.ledger.before = lambda: world.clock.advance(ms=1999)
    assert world.service.change(AdjustStock(HERE, -1)).record.on_hand == 9


def test_a_change_whose_lease_was_stolen_while_it_was_delayed_changes_nothing_and_leaves_the_thief_alone(world):
    thief = []

    def held_up() -> None:
        world.ledger.before = lambda: None
        world.clock.advance(ms=2000)
        thief.append(world.other.change(AdjustStock(HERE, -4)).record)
        thief.append(world.theirs.acquire("sku-1"))

    world.ledger.before = held_up
    with pytest.raises(LockLost):
        world.service.change(AdjustStock(HERE, -1))
    assert world.service.record(HERE) == thief[0]
    assert len(world.files()) == 1
    assert dict(world.counts) == {"acquired": 3, "stolen": 1, "lost": 1, "expired": 1}


def test_a_change_whose_caller_has_given_up_is_refused_when_it_is_decided(world):
    with world.ours.holding(["sku-1"]) as held:
        held.check(world.clock())
    with pytest.raises(LockLost):
        held.check(world.clock())


def test_several_skus_are_all_taken_or_none(world):
    with world.theirs.holding(["b"]), pytest.raises(LockContended), world.ours.holding(["c", "b", "a", "a"]):
        pass
    assert world.files() == []
    with world.ours.holding(["c", "b", "a", "a"]) as held:
        assert [lease.key for lease in held.held] == ["a", "b", "c"]


def test_long_work_keeps_its_lease_by_renewing_it_in_its_loop(world):
    with world.ours.holding(["sku-1", "sku-2"]) as held:
        for _ in range(10):
            world.clock.advance(ms=999)
            held.renew_if_due()
            held.check(world.clock())
            with pytest.raises(LockContended):
                world.theirs.acquire("sku-1")
    assert world.files() == []


def test_a_renewal_that_is_not_due_writes_nothing(world, monkeypatch):
    with world.ours.holding(["sku-1"]) as held:
        monkeypatch.setattr(world.ours, "renew", lambda lease: pytest.fail("renewed"))
        world.clock.advance(ms=999)
        held.renew_if_due()


def test_work_that_renews_too_late_is_told_that_it_has_lost_its_lease(world):
    def work() -> None:
        with world.ours.holding(["sku-1"]) as held:
            world.clock.advance(ms=2000)
            held.renew_if_due()

    with pytest.raises(LockLost):
        work()
    assert world.counts["lost"] == 1


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_lease_that_cannot_be_written_refuses_the_change_for_certain(world):
    world.disk.create = no_space
    with pytest.raises(StorageUnavailable, match="No space") as refusal:
        world.service.change(AdjustStock(HERE, -1))
    assert refusal.value.outcome == "none"
    assert world.service.record(HERE).version == 1


def test_a_lease_that_cannot_be_released_takes_nothing_back_and_ends_by_itself(world):
    world.ledger.before = lambda: setattr(world.disk, "read", no_space)
    assert world.service.change(AdjustStock(HERE, -1)).record.on_hand == 9
    assert dict(world.counts) == {"acquired": 1, "release_failed": 1}
    del world.disk.read
    world.ledger.before = lambda: None
    world.clock.advance(ms=2000)
    assert world.service.change(AdjustStock(HERE, -1)).record.on_hand == 8
    assert world.counts["stolen"] == 1


def test_200_parallel_adjusts_are_refused_or_counted_once(world):
    def adjust(service: StockService) -> int:
        try:
            return service.change(AdjustStock(HERE, 1)).record.version
        except LockContended:
            return 0

    tasks = [partial(adjust, (world.service, world.other)[number % 2]) for number in range(200)]
    versions = [version for version in run_parallel(tasks, at_once=16) if version]
    assert sorted(versions) == list(range(2, len(versions) + 2))
    assert world.service.record(HERE).on_hand == 10 + len(versions)
    assert world.counts["contended"] == 200 - len(versions)
    assert world.files() == []


def test_without_leases_none_is_taken(world):
    with world.theirs.holding(["sku-1"]):
        assert StockService(world.ledger).change(AdjustStock(HERE, -1)).record.on_hand == 9
