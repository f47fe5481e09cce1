"""decide on what time does to a reservation: decided inside the commit, swept or not."""

import pytest
from support.given import START, item
from support.shop import BOTH, A, Shop, wanted

from inventory.domain.hold_commands import Command, CommitHold, ExpireHold, ExtendHold, HoldStock, ReleaseHold
from inventory.domain.hold_errors import ReservationExpired, WrongState
from inventory.domain.reservation import HeldLine


@pytest.fixture
def shop() -> Shop:
    """A shop with a hold that lasts a second."""
    shop = Shop()
    shop.hold(ttl_ms=1000)
    return shop


def test_a_hold_ends_so_many_milliseconds_after_it_was_made(shop: Shop):
    assert shop.state.reservation("r-1").expires_at == START + 1_000_000


@pytest.mark.parametrize("command", [CommitHold("r-1", BOTH), ReleaseHold("r-1", BOTH), ExtendHold("r-1", 1000)])
def test_from_its_end_on_nothing_can_be_done_with_it_though_nothing_has_swept(shop: Shop, command: Command):
    shop.clock.at = START + 1_000_000
    with pytest.raises(ReservationExpired):
        shop.do(command)
    assert shop.figures(A) == (10, 4)


@pytest.mark.parametrize("command", [CommitHold("r-1", BOTH), ReleaseHold("r-1", BOTH), ExtendHold("r-1", 1000)])
def test_until_its_end_everything_can_be_done_with_it(shop: Shop, command: Command):
    shop.clock.at = START + 999_999
    shop.do(command)


def test_what_is_swept_is_available_again(shop: Shop):
    shop.clock.advance(ms=1000)
    event = shop.do(ExpireHold("r-1", BOTH))
    assert (event.type, event.reservation.state, event.note.actor) == ("reservation.expired", "expired", "expiry")
    assert shop.figures(A) == (10, 0)
    assert event.reservation.lines[0] == HeldLine(A, 4, released=4)


def test_after_the_sweep_it_is_over_too(shop: Shop):
    shop.clock.advance(ms=1000)
    shop.do(ExpireHold("r-1", BOTH))
    for command in (CommitHold("r-1", BOTH), ReleaseHold("r-1", BOTH), ExtendHold("r-1", 1)):
        with pytest.raises(ReservationExpired):
            shop.do(command)


def test_what_was_committed_before_the_end_stays_so(shop: Shop):
    shop.do(CommitHold("r-1", BOTH, wanted((A, 1))))
    shop.clock.advance(ms=1000)
    reservation = shop.do(ExpireHold("r-1", BOTH)).reservation
    assert (reservation.state, reservation.lines[0]) == ("committed", HeldLine(A, 4, 1, 3))
    with pytest.raises(ReservationExpired):
        shop.do(CommitHold("r-1", BOTH))


def test_nothing_is_swept_before_its_end(shop: Shop):
    shop.clock.at = START + 999_999
    with pytest.raises(WrongState):
        shop.do(ExpireHold("r-1", BOTH))


def test_nothing_is_swept_twice(shop: Shop):
    shop.clock.advance(ms=1000)
    shop.do(ExpireHold("r-1", BOTH))
    with pytest.raises(WrongState):
        shop.do(ExpireHold("r-1", BOTH))


def test_what_was_committed_is_never_swept(shop: Shop):
    shop.do(CommitHold("r-1", BOTH))
    shop.clock.advance(ms=1000)
    with pytest.raises(WrongState):
        shop.do(ExpireHold("r-1", BOTH))


def test_an_extended_hold_lasts_from_now_on(shop: Shop):
    shop.clock.advance(ms=900)
    event = shop.do(ExtendHold("r-1", 5000))
    assert (event.reservation.expires_at, event.lines) == (START + 5_900_000, ())
    assert (event.reservation.version, shop.figures(A)) == (2, (10, 4))


def test_a_hold_without_an_end_is_never_swept(shop: Shop):
    shop.do(HoldStock("r-2", wanted((item("b", "store-2"), 1))))
    shop.clock.advance(ms=10**10)
    with pytest.raises(WrongState):
        shop.do(ExpireHold("r-2", (item("b", "store-2"),)))
