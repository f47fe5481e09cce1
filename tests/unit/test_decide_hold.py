"""decide on reservations: all lines or none, ended by time inside the commit, and repeated requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.given import START, item
from support.shop import BOTH, LACKING, A, B, Shop, wanted

from inventory.domain.commands import CountStock, Precondition, SetPolicy, WantedLine, at_version
from inventory.domain.errors import InsufficientStock, ItemsNotFound, Shortage, ValidationFailed, VersionConflict
from inventory.domain.hold_commands import CommitHold, ExpireHold, ExtendHold, HoldStock, ReleaseHold
from inventory.domain.hold_errors import (
    AlreadySo,
    ExceedsHold,
    ReservationMoved,
    ReservationNotFound,
    WrongState,
)
from inventory.domain.record import Policy
from inventory.domain.reservation import HeldLine, Reservation
from inventory.domain.values import Instant


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_hold_promises_all_its_lines_and_takes_nothing_away(shop: Shop):
    held = shop.hold()
    assert (shop.figures(A), shop.figures(B)) == ((10, 4), (5, 2))
    assert held == Reservation("r-1", (HeldLine(A, 4), HeldLine(B, 2)), None, None, Instant(START), 1, 3, 3, lines_at=3)


def test_two_lines_of_one_item_are_added_up_before_they_are_checked(shop: Shop):
    with pytest.raises(InsufficientStock) as refusal:
        shop.hold(*wanted((A, 6), (A, 5)))
    assert refusal.value.shortages == (Shortage(A, 11, 10),)
    assert shop.hold(*wanted((A, 6), (A, 4))).lines == (HeldLine(A, 10),)


def test_a_refused_hold_names_every_short_line_and_no_other(shop: Shop):
    shop.do(CountStock(item("c"), 9))
    with pytest.raises(InsufficientStock) as refusal:
        shop.hold(*wanted((A, 11), (item("c"), 9), (B, 6)))
    assert refusal.value.shortages == (Shortage(A, 11, 10), Shortage(B, 6, 5))


def test_a_hold_names_every_record_that_is_not_there(shop: Shop):
    with pytest.raises(ItemsNotFound) as refusal:
        shop.hold(*wanted((LACKING, 1), (A, 1), (item("nor"), 1)))
    assert refusal.value.items == (LACKING, item("nor"))


def test_a_hold_leaves_the_safety_stock_alone(shop: Shop):
    shop.do(SetPolicy(A, Policy(3)))
    with pytest.raises(InsufficientStock) as refusal:
        shop.hold(*wanted((A, 8)))
    assert refusal.value.shortages == (Shortage(A, 8, 7),)
    shop.hold(*wanted((A, 7)))


def test_a_line_may_expect_a_version(shop: Shop):
    with pytest.raises(VersionConflict):
        shop.hold(WantedLine(A, 1), WantedLine(B, 1, at_version(2)))
    shop.hold(WantedLine(A, 1), WantedLine(B, 1, at_version(1)))


@pytest.mark.parametrize(
    ("lines", "field"), [((), "lines"), (((A, 1), (B, 0)), "lines[1].qty"), (((A, -1),), "lines[0].qty")]
)
def test_a_hold_of_nothing_is_refused(shop: Shop, lines: tuple, field: str):
    with pytest.raises(ValidationFailed) as refusal:
        shop.do(HoldStock("r-1", wanted(*lines)))
    assert [problem.field for problem in refusal.value.problems] == [field]


def test_an_id_is_held_once(shop: Shop):
    shop.hold()
    with pytest.raises(WrongState):
        shop.hold(*wanted((A, 1)))


def test_a_whole_commit_takes_the_goods_and_the_promise(shop: Shop):
    shop.hold()
    done = shop.do(CommitHold("r-1", BOTH))
    assert (shop.figures(A), shop.figures(B)) == ((6, 0), (3, 0))
    assert (done.reservation.state, done.reservation.lines[0]) == ("committed", HeldLine(A, 4, committed=4))


def test_a_whole_release_gives_the_promise_back(shop: Shop):
    shop.hold()
    done = shop.do(ReleaseHold("r-1", BOTH))
    assert (shop.figures(A), shop.figures(B)) == ((10, 0), (5, 0))
    assert done.reservation.state == "released"


def test_after_a_partial_commit_the_rest_stays_held(shop: Shop):
    shop.hold()
    done = shop.do(CommitHold("r-1", BOTH, wanted((A, 1), (A, 2))))
    assert (done.lines[0].on_hand_delta, done.lines[0].reserved_delta, len(done.lines)) == (-3, -3, 1)
    assert (done.reservation.state, shop.figures(A), shop.figures(B)) == ("partly_committed", (7, 1), (5, 2))


def test_after_a_partial_release_alone_it_is_held(shop: Shop):
    shop.hold()
    assert shop.do(ReleaseHold("r-1", BOTH, wanted((B, 2)))).reservation.state == "held"
    assert shop.figures(B) == (5, 0)


def test_committed_in_part_and_then_released_ends_as_committed(shop: Shop):
    shop.hold()
    shop.do(CommitHold("r-1", BOTH, wanted((A, 1))))
    done = shop.do(ReleaseHold("r-1", BOTH)).reservation
    assert (done.state, done.lines) == ("committed", (HeldLine(A, 4, 1, 3), HeldLine(B, 2, 0, 2)))


@pytest.mark.parametrize("command", [CommitHold, ReleaseHold])
def test_more_than_is_held_is_refused_with_every_such_line(shop: Shop, command: type):
    shop.hold()
    with pytest.raises(ExceedsHold) as refusal:
        shop.do(command("r-1", BOTH, wanted((A, 5), (B, 2), (LACKING, 1))))
    assert refusal.value.shortages == (Shortage(A, 5, 4), Shortage(LACKING, 1, 0))


def test_what_was_counted_away_cannot_leave_and_stays_held(shop: Shop):
    shop.hold()
    shop.do(CountStock(A, 3))
    with pytest.raises(InsufficientStock) as refusal:
        shop.do(CommitHold("r-1", BOTH))
    assert refusal.value.shortages == (Shortage(A, 4, 3),)
    assert shop.do(CommitHold("r-1", BOTH, wanted((A, 3), (B, 2)))).reservation.state == "partly_committed"


def test_of_what_is_oversold_nothing_more_is_promised(shop: Shop):
    shop.hold()
    shop.do(CountStock(A, 3))
    with pytest.raises(InsufficientStock):
        shop.do(HoldStock("r-2", wanted((A, 1))))


@pytest.mark.parametrize("first", [CommitHold, ReleaseHold])
@pytest.mark.parametrize("again", [CommitHold, ReleaseHold])
@pytest.mark.parametrize("part_committed", [False, True])
def test_the_whole_asked_twice_is_so_already_and_the_other_is_wrong(shop: Shop, first, again, part_committed):
    shop.hold()
    if part_committed:
        shop.do(CommitHold("r-1", BOTH, wanted((A, 1))))
    shop.do(first("r-1", BOTH))
    with pytest.raises(AlreadySo if first is again else WrongState):
        shop.do(again("r-1", BOTH))


@pytest.mark.parametrize("command", [CommitHold, ReleaseHold])
def test_a_part_of_what_has_ended_is_refused(shop: Shop, command: type):
    shop.hold()
    shop.do(command("r-1", BOTH))
    with pytest.raises(WrongState):
        shop.do(command("r-1", BOTH, wanted((A, 1))))


@pytest.mark.parametrize("versions", [frozenset({2}), frozenset()])
def test_another_version_than_the_expected_one_is_a_conflict(shop: Shop, versions: frozenset):
    shop.hold()
    with pytest.raises(ReservationMoved) as refusal:
        shop.do(CommitHold("r-1", BOTH, None, Precondition(versions, exists=True)))
    assert refusal.value.current_version == 1


@given(st.lists(st.tuples(st.sampled_from([CommitHold, ReleaseHold]), st.integers(1, 3)), max_size=8))
def test_what_is_held_committed_and_released_is_what_was_asked_for(steps):
    shop = Shop()
    shop.hold()
    for command, qty in steps:
        try:
            shop.do(command("r-1", BOTH, wanted((A, qty))))
        except (ExceedsHold, WrongState):
            continue
    line = shop.state.reservation("r-1").lines[0]
    assert line.held + line.committed + line.released == 4
    assert shop.figures(A) == (10 - line.committed, line.held)


def test_what_is_unknown_is_not_found(shop: Shop):
    for command in (CommitHold("no", ()), ReleaseHold("no", ()), ExtendHold("no", 1), ExpireHold("no", ())):
        with pytest.raises(ReservationNotFound):
            shop.do(command)
