"""With leases: an attempt under a key waits for an earlier one under it, and is never refused because of itself."""

from pathlib import Path

import pytest
from support.given import item
from support.leases import HERE, World

from inventory.domain.commands import AdjustStock
from inventory.domain.errors import IdempotencyConflict, LockContended
from inventory.domain.key_table import IdempotencyKey

KEY = IdempotencyKey("sale-1", "hash")
SALE = AdjustStock(HERE, -1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "locks")


class Meanwhile:
    """Takes the place of sleeping: the first time another process lets go of its lease and does something."""

    def __init__(self, world: World, do=lambda: None) -> None:
        self.times, self._do = 0, do
        self._holding = world.theirs.holding(["sku-1"], KEY.key)
        self._holding.__enter__()
        world.ours._sleep = self

    def __call__(self, seconds: float) -> None:
        self.times += 1
        if self.times == 1:
            self._holding.__exit__(None, None, None)
            self._do()


class Standing:
    """Takes the place of sleeping: nothing happens meanwhile."""

    def __init__(self, world: World) -> None:
        self.times = 0
        world.ours._sleep = self

    def __call__(self, seconds: float) -> None:
        self.times += 1


def test_a_second_attempt_waits_until_the_first_has_ended_and_is_told_its_answer(world):
    first = []
    Meanwhile(world, lambda: first.append(world.other.change(SALE, KEY)))

    again = world.service.change(SALE, KEY)

    assert (again.event, again.replayed) == (first[0].event, True)
    assert world.service.record(HERE).on_hand == 9
    assert world.counts["contended"] == 0


def test_another_content_under_the_key_is_told_of_the_conflict_once_the_first_is_decided(world):
    Meanwhile(world, lambda: world.other.change(SALE, KEY))

    with pytest.raises(IdempotencyConflict):
        world.service.change(AdjustStock(HERE, -2), IdempotencyKey(KEY.key, "another"))


def test_it_waits_for_itself_no_longer_than_a_commit_may_take_and_does_not_know_the_outcome(world):
    meanwhile = Standing(world)
    with world.theirs.holding(["sku-1"], KEY.key), pytest.raises(LockContended) as refusal:
        world.service.change(SALE, KEY)

    assert meanwhile.times == world.ours.policy.own_wait_ms // 20
    assert refusal.value.outcome_for(keyed=True) == "unknown"
    assert world.service.record(HERE).version == 1


def test_who_holds_it_under_another_key_is_not_waited_for_and_the_refusal_is_for_certain(world):
    meanwhile = Standing(world)
    with world.theirs.holding(["sku-1"], "another"), pytest.raises(LockContended) as refusal:
        world.service.change(SALE, KEY)

    assert (meanwhile.times, refusal.value.outcome_for(keyed=True)) == (0, "none")


@pytest.mark.parametrize("many", [False, True], ids=["alone", "in a batch"])
def test_while_another_change_has_the_lease_the_first_answer_is_given_again(world, many):
    first = world.service.change(SALE, KEY)
    with world.theirs.holding(["sku-1"]):
        (again,) = world.service.change_many([(SALE, KEY)], KEY) if many else [world.service.change(SALE, KEY)]

    assert again == (first.event, True)


def test_in_a_batch_a_second_attempt_waits_for_the_first_too(world):
    Meanwhile(world)
    part = IdempotencyKey(f"{KEY.key}/0", KEY.hash, KEY.key)
    (outcome,) = world.service.change_many([(SALE, part)], KEY)

    assert outcome.record.on_hand == 9


def test_a_batch_waits_for_an_attempt_that_does_not_end_once_and_not_for_each_sku(world):
    meanwhile = Standing(world)
    wanted = [
        (AdjustStock(item(f"sku-{number}"), -1), IdempotencyKey(f"{KEY.key}/{number}", KEY.hash, KEY.key))
        for number in range(1, 6)
    ]
    with world.theirs.holding([f"sku-{number}" for number in range(1, 6)], KEY.key):
        refused = world.service.change_many(wanted, KEY)

    assert meanwhile.times == world.ours.policy.own_wait_ms // 20
    assert [error.outcome_for(keyed=True) for error in refused] == ["unknown"] * 5


def test_what_a_lease_is_for_is_told_by_its_file_and_not_the_key_itself(world):
    with world.theirs.holding(["sku-1"], "a secret of the till"):
        (file,) = world.folder.glob("*.lease")
        text = file.read_text()

    assert '"purpose":"' in text
    assert "secret" not in text


def test_the_lease_of_a_program_that_does_not_say_what_for_is_another_ones(world):
    meanwhile = Standing(world)
    with world.theirs.holding(["sku-1"], KEY.key):
        (file,) = world.folder.glob("*.lease")
        before, _, _ = file.read_text().partition(',"purpose"')
        file.write_text(before + "}\n")
        with pytest.raises(LockContended):
            world.service.change(SALE, KEY)

    assert meanwhile.times == 0
