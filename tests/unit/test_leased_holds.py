"""ReservationService with leases: one for every SKU of a hold, and none for what changes no stock."""

from pathlib import Path

import pytest
from support.given import item
from support.leases import World

from inventory.domain.commands import CountStock, WantedLine
from inventory.domain.errors import LockContended
from inventory.service.hold_history import HoldHistory
from inventory.service.reservations import ReservationService

A, B = item("sku-1"), item("sku-2")


class LeasedShop:
    """A service with leases, of which another process may hold some."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.world.service.change(CountStock(B, 10))
        self.world.counts.clear()
        self.holds = ReservationService(
            self.world.ledger, self.world.service, self.world.clock, HoldHistory(self.world.ledger.history)
        )

    def hold(self) -> str:
        return self.holds.hold((WantedLine(B, 1), WantedLine(A, 1)), 1000).reservation.reservation_id


@pytest.fixture
def leased(tmp_path: Path) -> LeasedShop:
    return LeasedShop(tmp_path / "locks")


def test_a_hold_takes_the_lease_of_every_sku_and_gives_them_back(leased: LeasedShop):
    leased.hold()
    assert (dict(leased.world.counts), leased.world.files()) == ({"acquired": 2}, [])


@pytest.mark.parametrize("taken", ["sku-1", "sku-2"])
def test_a_hold_of_which_another_changes_one_sku_is_refused_and_holds_nothing(leased: LeasedShop, taken: str):
    with leased.world.theirs.holding([taken]), pytest.raises(LockContended) as refusal:
        leased.hold()
    assert (refusal.value.sku, leased.world.files()) == (taken, [])
    assert leased.world.ledger.record(B).reserved == 0


def test_with_leases_a_hold_is_extended_and_swept_and_committed(leased: LeasedShop):
    held, other = leased.hold(), leased.hold()
    assert leased.holds.extend(held, 5000).reservation.version == 2
    leased.world.clock.advance(ms=1000)
    assert leased.holds.expire_due() == 1
    assert leased.holds.reservation(other).state == "expired"
    assert leased.holds.commit(held).reservation.state == "committed"
