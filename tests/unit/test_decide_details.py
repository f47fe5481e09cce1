"""Every detail of decide: the type and the note of each draft, and every field of each refusal."""

import pytest
from support.given import START, event_of, fold_all, item
from support.shop import BOTH, A, B, Shop, wanted

from inventory.domain.commands import (
    AdjustStock,
    CountStock,
    Note,
    SetPolicy,
    SettleDeadLetter,
    TransferStock,
    at_version,
)
from inventory.domain.dead_letter import Break
from inventory.domain.decide import decide
from inventory.domain.decide_batch import OperationRefused
from inventory.domain.errors import InsufficientStock, SettlementRefused, ValidationFailed, VersionConflict
from inventory.domain.events import Line
from inventory.domain.hold_commands import (
    AtomicBatch,
    Command,
    CommitHold,
    ExpireHold,
    ExtendHold,
    HoldStock,
    ReleaseHold,
)
from inventory.domain.hold_errors import (
    AlreadySo,
    ExceedsHold,
    PromisedStockMissing,
    ReservationExpired,
    ReservationMoved,
    ReservationNotFound,
    WrongState,
)
from inventory.domain.record import Policy
from inventory.domain.reservation import MAX_LINES, Reservation
from inventory.domain.state import State
from inventory.domain.values import MAX_QUANTITY

NOTE = Note("anna", "till-7", "sale", "order-9")
NEW = item("new")


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize(
    ("command", "type"),
    [
        (AdjustStock(A, -1, note=NOTE), "stock.adjusted"),
        (CountStock(A, 3, note=NOTE), "stock.counted"),
        (CountStock(NEW, 3, note=NOTE), "stock.counted"),
        (SetPolicy(A, Policy(1), note=NOTE), "policy.set"),
        (TransferStock(wanted((A, 1)), "store-3", note=NOTE), "stock.transferred"),
        (HoldStock("r-1", wanted((A, 1)), None, note=NOTE), "reservation.created"),
        (AtomicBatch((AdjustStock(A, 1),), note=NOTE), "stock.batch"),
    ],
)
def test_a_draft_has_the_type_of_its_command_and_its_note(shop: Shop, command: Command, type: str):
    draft = decide(command, shop.state, START)
    assert (draft.type, draft.note) == (type, NOTE)


def test_a_hold_keeps_the_reference_of_its_request(shop: Shop):
    assert shop.do(HoldStock("r-1", wanted((A, 1)), None, note=NOTE)).reservation.reference == "order-9"


@pytest.mark.parametrize("act", [CommitHold, ReleaseHold])
def test_each_step_of_a_hold_raises_its_version_by_one(shop: Shop, act: type):
    first = shop.hold().version
    assert shop.do(act("r-1", BOTH, wanted((A, 1)))).reservation.version == first + 1
    assert shop.do(act("r-1", BOTH)).reservation.version == first + 2


@pytest.mark.parametrize(
    ("command", "field", "message"),
    [
        (AdjustStock(A, 0), "delta", "must not be 0"),
        (AdjustStock(A, MAX_QUANTITY), "delta", None),
        (CountStock(NEW, -1), "onHand", None),
        (CountStock(A, MAX_QUANTITY + 1), "onHand", None),
        (TransferStock(wanted((A, 1)), A.store), "to", "must be another store"),
        (TransferStock(wanted((A, 10)), "full"), "lines", None),
        (
            AtomicBatch(
                tuple(HoldStock("r-1", wanted((item(f"sku-{n}"), 1)), None) for n in range(MAX_LINES + 1)),
            ),
            "operations",
            f"reserve {MAX_LINES + 1} records; a reservation may have at most {MAX_LINES}",
        ),
    ],
)
def test_a_refusal_names_the_field_and_what_is_wrong_with_it(
    shop: Shop, command: Command, field: str, message: str | None
):
    shop.do(CountStock(item(A.sku, "full"), MAX_QUANTITY))
    with pytest.raises(ValidationFailed) as refusal:
        decide(command, shop.state, START)
    (problem,) = refusal.value.problems
    assert problem.field == field
    assert message is None or problem.message == message


def test_as_many_units_as_a_record_may_have_can_be_moved_to_a_store_that_has_none(shop: Shop):
    shop.do(CountStock(A, MAX_QUANTITY))
    shop.do(TransferStock(wanted((A, MAX_QUANTITY)), "store-3"))
    assert shop.figures(item(A.sku, "store-3")) == (MAX_QUANTITY, 0)


def settled(on_hand: int, reserved: int) -> State:
    """What a requeue makes of a record with these figures, of which a hold has ``reserved`` units."""
    state = fold_all([event_of(1, Line(A, 5, 0, 5, 0, 1)), event_of(2, Line(A, 1, 0, on_hand, 0, 3))])
    state.held_of = lambda _: reserved  # type: ignore[method-assign]
    return state


@pytest.mark.parametrize("figures", [(MAX_QUANTITY, 0), (0, MAX_QUANTITY)])
def test_figures_at_the_bound_can_be_requeued(figures: tuple[int, int]):
    (change,) = decide(SettleDeadLetter(A, 2, "requeue", NOTE), settled(*figures), START).changes
    assert (change.on_hand_delta, change.reserved_delta) == (0, figures[1])


@pytest.mark.parametrize("figures", [(MAX_QUANTITY + 1, 0), (0, MAX_QUANTITY + 1), (0, -1)])
def test_figures_beyond_the_bound_cannot(figures: tuple[int, int]):
    with pytest.raises(SettlementRefused, match=f"both must be from 0 to {MAX_QUANTITY}"):
        decide(SettleDeadLetter(A, 2, "requeue", NOTE), settled(*figures), START)


def test_figures_that_are_not_known_cannot_be_restored_and_the_refusal_says_where_they_are():
    state = settled(7, 0)
    state.broken[A] = Break(2, None)
    with pytest.raises(SettlementRefused) as refusal:
        decide(SettleDeadLetter(A, 2, "discard", NOTE), state, START)
    assert str(refusal.value) == (
        "the figures of a in store-1 before event 2 are unknown: the snapshot that this process started from does not"
        " have them; 'inventory rebuild' reads them from the log"
    )


def test_every_refusal_of_a_hold_names_the_reservation(shop: Shop):
    with pytest.raises(ReservationNotFound, match="r-9"):
        shop.do(CommitHold("r-9", BOTH))
    shop.hold(ttl_ms=1000)
    with pytest.raises(WrongState, match="r-1 is already held"):
        shop.hold(*wanted((A, 1)))
    with pytest.raises(WrongState, match="r-1 is already held"):
        shop.do(ExpireHold("r-1", BOTH))
    with pytest.raises(ExceedsHold, match="r-1"):
        shop.do(CommitHold("r-1", BOTH, wanted((A, 5))))
    with pytest.raises(ReservationMoved, match="r-1 is at version 1, expected 7"):
        shop.do(CommitHold("r-1", BOTH, precondition=at_version(7)))
    shop.do(CountStock(A, 0))
    with pytest.raises(PromisedStockMissing) as refusal:
        shop.do(CommitHold("r-1", BOTH))
    assert (refusal.value.reservation_id, refusal.value.shortages[0].available) == ("r-1", 0)
    shop.clock.advance(ms=1000)
    with pytest.raises(ReservationExpired, match="r-1"):
        shop.do(CommitHold("r-1", BOTH))
    shop.do(ExpireHold("r-1", BOTH))
    with pytest.raises(ReservationExpired, match="r-1"):
        shop.do(CommitHold("r-1", BOTH))
    with pytest.raises(WrongState, match="r-1 is already expired"):
        shop.do(ExpireHold("r-1", BOTH))


def test_a_released_hold_cannot_be_committed_or_extended_and_the_refusal_says_how_it_ended(shop: Shop):
    shop.hold()
    shop.do(ReleaseHold("r-1", BOTH))
    for command in (CommitHold("r-1", BOTH), ExtendHold("r-1", 1000)):
        with pytest.raises(WrongState, match="r-1 is already released"):
            shop.do(command)


@pytest.mark.parametrize("act", [CommitHold, ReleaseHold])
def test_a_whole_step_that_is_repeated_may_name_the_version_from_before_it_or_the_current_one(shop: Shop, act: type):
    version = shop.hold().version
    shop.do(act("r-1", BOTH, precondition=at_version(version)))
    for expected in (version, version + 1):
        with pytest.raises(AlreadySo):
            shop.do(act("r-1", BOTH, precondition=at_version(expected)))
    for expected in (version - 1, version + 2):
        with pytest.raises(ReservationMoved, match=f"r-1 is at version {version + 1}, expected {expected}"):
            shop.do(act("r-1", BOTH, precondition=at_version(expected)))


class Ended(State):
    """A state that still has the lines of a reservation that has ended, and none of its records."""

    def __init__(self, reservation: Reservation) -> None:
        super().__init__()
        self._reservation = reservation

    def reservation(self, reservation_id: str) -> Reservation:
        return self._reservation


def test_a_reservation_has_ended_also_where_its_lines_are_still_known(shop: Shop):
    shop.hold(ttl_ms=1000)
    ended = Ended(shop.do(CommitHold("r-1", BOTH)).reservation)
    with pytest.raises(AlreadySo):
        decide(CommitHold("r-1", BOTH), ended, START)
    shop.clock.advance(ms=1000)
    with pytest.raises(WrongState):
        decide(ExpireHold("r-1", BOTH), ended, shop.clock())


def test_units_of_a_record_that_is_unknown_cannot_be_committed(shop: Shop):
    held = Ended(shop.hold())
    with pytest.raises(PromisedStockMissing) as refusal:
        decide(CommitHold("r-1", BOTH), held, START)
    assert [short.available for short in refusal.value.shortages] == [0, 0]


def test_the_refusal_of_a_batch_has_the_text_of_the_operations_refusal(shop: Shop):
    with pytest.raises(OperationRefused) as refusal:
        shop.do(AtomicBatch((AdjustStock(A, 1), AdjustStock(B, -9))))
    assert isinstance(refusal.value.refusal, InsufficientStock)
    assert (str(refusal.value), refusal.value.operation) == (str(refusal.value.refusal), 1)


def test_a_record_that_a_batch_makes_is_at_version_0_until_the_batch_is_done(shop: Shop):
    with pytest.raises(OperationRefused) as refusal:
        shop.do(AtomicBatch((CountStock(NEW, 1), AdjustStock(NEW, 1, at_version(1)))))
    assert isinstance(refusal.value.refusal, VersionConflict)
    assert refusal.value.refusal.current_version == 0


def test_a_hold_of_a_batch_ends_after_its_time(shop: Shop):
    event = shop.do(AtomicBatch((HoldStock("r-1", wanted((A, 1)), 1000),)))
    assert event.reservation.expires_at == START + 1_000_000
