"""The ports on a ledger whose log has records that do not add up: how they are reported and settled."""

from collections.abc import Callable

import pytest
from support.engines import LedgerUnderTest
from support.given import START, Clock, all_stock, deciding, event_of, item

from inventory.domain.commands import AdjustStock, CountStock, SettleDeadLetter, WantedLine
from inventory.domain.dead_letter import Break, Figures
from inventory.domain.errors import NeedsOperator, SettlementRefused
from inventory.domain.events import Event, Line
from inventory.domain.hold_commands import Command, CommitHold, HoldStock, ReleaseHold
from inventory.memory.ledger import MemoryLedger
from inventory.service.ports.change_queue import Outcome

ONE, TWO, THREE, FINE = (item(f"sku-{number}") for number in (1, 2, 3, 4))
BROKEN_AT = 7
BEFORE = Figures(on_hand=10, reserved=5, version=5)


def do(ledger: LedgerUnderTest, command: Command) -> Outcome:
    return ledger.submit(command.entities, deciding(command)).wait()


def broken_log() -> list[Event]:
    """ONE has 10 units, of which two holds have 2 and 3; then an event says that 4 are there, and 9 reserved.

    TWO is broken by the next event, which is its first, and THREE by the one after; FINE has 7 units.
    """
    sound = MemoryLedger(now=lambda: START)
    for command in (
        CountStock(ONE, 10),
        CountStock(FINE, 7),
        HoldStock("held", (WantedLine(ONE, 2), WantedLine(FINE, 1))),
        HoldStock("also-held", (WantedLine(ONE, 3),)),
        HoldStock("released", (WantedLine(ONE, 4),)),
        ReleaseHold("released", (ONE,)),
    ):
        do(sound, command)
    return [
        *sound.events,
        event_of(BROKEN_AT, Line(ONE, -1, 0, 4, 9, 9)),
        event_of(BROKEN_AT + 1, Line(TWO, 1, 0, 5, 0, 3)),
        event_of(BROKEN_AT + 2, Line(THREE, 1, 0, 1, 0, 2)),
    ]


@pytest.fixture
def broken(ledger_factory: Callable[..., LedgerUnderTest], clock: Clock) -> LedgerUnderTest:
    return ledger_factory(clock, events=broken_log())


def test_broken_records_are_told_by_the_event_that_broke_them(broken: LedgerUnderTest):
    assert broken.broken(9) == [
        (ONE, Break(BROKEN_AT, BEFORE)),
        (TWO, Break(BROKEN_AT + 1, Figures(0, 0, 0))),
        (THREE, Break(BROKEN_AT + 2, Figures(0, 0, 0))),
    ]
    assert (broken.status().broken, broken.status().read_only) == (3, None)


@pytest.mark.parametrize("limit", [0, 1, 2, 3])
def test_no_more_of_them_are_told_than_are_asked_for_and_the_earliest_first(broken: LedgerUnderTest, limit: int):
    assert [one.item for one in broken.broken(limit)] == [ONE, TWO, THREE][:limit]


def test_a_sound_ledger_has_none(ledger: LedgerUnderTest):
    assert (list(ledger.broken(9)), ledger.status().broken) == ([], 0)


@pytest.mark.parametrize(
    "command",
    [
        AdjustStock(ONE, 1),
        CountStock(ONE, 3),
        HoldStock("new", (WantedLine(FINE, 1), WantedLine(ONE, 1))),
        CommitHold("held", (ONE, FINE)),
        ReleaseHold("also-held", (ONE,)),
    ],
)
def test_whatever_touches_a_broken_record_is_refused_and_changes_nothing(broken: LedgerUnderTest, command: Command):
    before = all_stock(broken)
    with pytest.raises(NeedsOperator, match=f"event {BROKEN_AT}"):
        do(broken, command)
    assert all_stock(broken) == before


def test_records_beside_a_broken_one_take_changes(broken: LedgerUnderTest):
    assert do(broken, AdjustStock(FINE, -2)).record.on_hand == 5


def test_a_broken_record_is_read_as_the_log_says(broken: LedgerUnderTest):
    assert broken.record(ONE)[1:4] == (4, 9, 9)


@pytest.mark.parametrize(("action", "on_hand"), [("requeue", 4), ("discard", 10)])
def test_after_a_settlement_what_open_holds_hold_is_reserved(broken: LedgerUnderTest, action: str, on_hand: int):
    settled = do(broken, SettleDeadLetter(ONE, BROKEN_AT, action))
    # 2 and 3 of the open holds; the 4 of the released one are free.
    assert (settled.record.on_hand, settled.record.reserved, settled.record.version) == (on_hand, 5, 10)
    assert (broken.record(ONE), broken.status().broken) == (settled.record, 2)


def test_what_is_held_elsewhere_is_not_reserved_here(broken: LedgerUnderTest):
    assert do(broken, SettleDeadLetter(TWO, BROKEN_AT + 1, "requeue")).record.reserved == 0


def test_after_a_settlement_holds_can_be_ended_and_leave_nothing_reserved(broken: LedgerUnderTest):
    do(broken, SettleDeadLetter(ONE, BROKEN_AT, "discard"))
    do(broken, CommitHold("held", (ONE, FINE)))
    do(broken, ReleaseHold("also-held", (ONE,)))
    assert (broken.record(ONE)[1:3], broken.record(FINE)[1:3]) == ((8, 0), (6, 0))


@pytest.mark.parametrize("command", [SettleDeadLetter(ONE, 3, "requeue"), SettleDeadLetter(FINE, BROKEN_AT, "requeue")])
def test_what_is_no_break_of_the_record_cannot_be_settled(broken: LedgerUnderTest, command: SettleDeadLetter):
    with pytest.raises(SettlementRefused):
        do(broken, command)


def test_a_break_is_settled_once(broken: LedgerUnderTest):
    do(broken, SettleDeadLetter(ONE, BROKEN_AT, "requeue"))
    with pytest.raises(SettlementRefused):
        do(broken, SettleDeadLetter(ONE, BROKEN_AT, "requeue"))


def test_a_hold_with_a_line_of_a_broken_record_is_not_due(ledger_factory: Callable[..., LedgerUnderTest], clock: Clock):
    sound = MemoryLedger(now=clock)
    do(sound, CountStock(ONE, 10))
    do(sound, CountStock(FINE, 10))
    do(sound, HoldStock("stuck", (WantedLine(FINE, 1), WantedLine(ONE, 1)), 1000))
    do(sound, HoldStock("over", (WantedLine(FINE, 1),), 1000))
    ledger = ledger_factory(clock, events=[*sound.events, event_of(5, Line(ONE, 0, 0, 10, 1, 9))])
    clock.advance(ms=1000)
    assert [held.reservation_id for held in ledger.due_reservations(9)] == ["over"]
    do(ledger, SettleDeadLetter(ONE, 5, "requeue"))
    assert {held.reservation_id for held in ledger.due_reservations(9)} == {"over", "stuck"}
