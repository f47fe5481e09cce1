"""The checker of histories names each violation, and accepts histories that only look wrong."""

from collections.abc import Sequence

import pytest
from support.history import NEVER, Operation, Told
from support.linearizability import violations
from support.made_histories import ITEM

COUNTED = Operation("count", ITEM, 10, 20, told=Told(1, 10, 0, 10, 1), amount=10)
SOLD = Operation("adjust", ITEM, 30, 40, told=Told(2, 6, 0, 6, 2), amount=-4)
HELD = Operation("reserve", ITEM, 50, 60, told=Told(3, 6, 5, 1, 3), amount=5)
SEEN = Operation("read", ITEM, 70, 80, told=Told(3, 6, 5, 1, 3))
SHORT = Operation("adjust", ITEM, 70, 80, "refused", Told(qty=1), -2)
GOOD = [COUNTED, SOLD, HELD, SEEN, SHORT]


def rules(history: Sequence[Operation]) -> set[str]:
    return {violation.rule for violation in violations(history)}


def test_a_history_is_accepted_in_whatever_order_it_was_noted():
    assert violations(GOOD[::-1]) == []


BROKEN: dict[str, tuple[list[Operation], str]] = {
    "a stale read": ([*GOOD, SEEN._replace(began=41, ended=45, told=COUNTED.told)], "stale"),
    "a read that goes back behind another read": (
        [
            COUNTED,
            SOLD._replace(ended=100),
            SEEN._replace(began=32, ended=35, told=SOLD.told),
            SEEN._replace(began=50, ended=60, told=COUNTED.told),
        ],
        "stale",
    ),
    "a lost answer, whose version went to the next": (
        [COUNTED, SOLD, HELD._replace(told=Told(2, 10, 5, 5, 2))],
        "doubled",
    ),
    "a lost answer, that nothing after it knows of": ([COUNTED, SOLD, SEEN._replace(told=COUNTED.told)], "stale"),
    "a lost answer, without which the figures do not add up": (
        [COUNTED, SOLD, HELD._replace(told=Told(3, 10, 5, 5, 3))],
        "figures",
    ),
    "a doubled version": ([*GOOD, SOLD._replace(began=31, ended=41)], "doubled"),
    "a change without a version": ([*GOOD, SOLD._replace(told=Told())], "doubled"),
    "a gap in the versions": ([COUNTED, HELD._replace(told=Told(3, 10, 5, 5, 3))], "missing"),
    "a gap at the beginning": ([SOLD], "missing"),
    "a wrong quantity": ([COUNTED, SOLD._replace(told=Told(2, 7, 0, 7, 2))], "figures"),
    "two reads of one version that differ": ([*GOOD, SEEN._replace(told=Told(3, 6, 4, 2, 3))], "figures"),
    "a quantity that is not what is left of what is on hand": (
        [COUNTED, SOLD._replace(told=Told(2, 6, 0, 5, 2))],
        "figures",
    ),
    "a change answered twice as two": (
        [COUNTED, SOLD._replace(key="k"), SOLD._replace(began=50, ended=60, key="k", told=Told(3, 2, 0, 2, 3))],
        "key",
    ),
    "a repetition that is refused": (
        [COUNTED, SOLD._replace(key="k"), Operation("adjust", ITEM, 50, 60, "refused", Told(qty=6), -4, key="k")],
        "key",
    ),
    "a read of a version that no change wrote": ([*GOOD, SEEN._replace(told=Told(4, 6, 6, 0, 4))], "missing"),
    "a read of what was only asked for later": (
        [COUNTED, SEEN._replace(began=22, ended=28, told=SOLD.told), SOLD],
        "order",
    ),
    "changes in another order than that of their times": (
        [COUNTED, SOLD._replace(began=50, ended=60), HELD._replace(began=30, ended=40)],
        "order",
    ),
    "more sold than there was": ([COUNTED, SOLD._replace(amount=-11, told=Told(2, -1, 0, -1, 2))], "impossible"),
    "a change of another version than was expected": ([COUNTED, SOLD, HELD._replace(expected=1)], "impossible"),
    "a refusal that contradicts the stock at that time": (
        [COUNTED, SHORT._replace(began=22, ended=28, told=Told(qty=1))],
        "refusal",
    ),
    "a refusal of what there was enough for": ([*GOOD[:4], SHORT._replace(amount=-1)], "refusal"),
    "a refusal for stock that was already used up": (
        [COUNTED, SOLD, SHORT._replace(told=Told(qty=10), amount=-11)],
        "refusal",
    ),
    "a conflict with the version that was expected": (
        [*GOOD, Operation("adjust", ITEM, 70, 80, "refused", Told(version=3), 1, expected=3)],
        "refusal",
    ),
    "a conflict with a version that was gone": (
        [*GOOD, Operation("adjust", ITEM, 70, 80, "refused", Told(version=2), 1, expected=3)],
        "stale",
    ),
    "a record that is not there any more": ([*GOOD, SEEN._replace(told=Told(version=0))], "stale"),
    "a version that stands before an older one in the log": (
        [COUNTED, SOLD._replace(told=Told(2, 6, 0, 6, 1))],
        "sequence",
    ),
    "a view that lacks a change before its sequence": (
        [COUNTED, SOLD, SEEN._replace(began=25, ended=45, told=Told(1, 10, 0, 10, 1, as_of=2))],
        "sequence",
    ),
    "a view that has a change from behind its sequence": (
        [COUNTED, SOLD, SEEN._replace(told=Told(2, 6, 0, 6, 2, as_of=1))],
        "sequence",
    ),
    "a read further behind than it says": ([COUNTED, SOLD, SEEN._replace(told=COUNTED.told, lag=29)], "stale"),
    "an unknown outcome that began only after its version was seen": (
        [
            COUNTED,
            SEEN._replace(began=22, ended=28, told=Told(2, 6, 0, 6)),
            SOLD._replace(outcome="unknown", ended=NEVER, told=Told()),
        ],
        "order",
    ),
    "an unknown outcome that happened twice": (
        [COUNTED, SOLD._replace(outcome="unknown", ended=NEVER, told=Told()), SEEN._replace(told=Told(3, 2, 0, 2))],
        "missing",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_the_checker_names(broken: str):
    history, rule = BROKEN[broken]
    assert rule in rules(history)


FINE: dict[str, list[Operation]] = {
    "nothing at all": [],
    "every kind": GOOD,
    "a read of what was before, while the change is under way": [
        COUNTED, SOLD, SEEN._replace(began=31, ended=35, told=COUNTED.told)],
    "a read of a change that is still under way": [
        COUNTED, SOLD._replace(ended=100), SEEN._replace(began=32, ended=35, told=SOLD.told)],
    "a refusal for stock that came back before its end": [
        COUNTED, SOLD, SHORT._replace(began=35, ended=45, told=Told(qty=6), amount=-7)],
    "a repetition that gets the first answer after others have changed it": [
        COUNTED, SOLD._replace(key="k"), HELD, SOLD._replace(began=70, ended=80, key="k")],
    "an unknown outcome that did not happen": [
        *GOOD, Operation("adjust", ITEM, 25, NEVER, "unknown", amount=-3)],
    "an unknown outcome that happened long after it began": [
        *GOOD, Operation("adjust", ITEM, 25, NEVER, "unknown", amount=3), SEEN._replace(
            began=90, ended=95, told=Told(4, 9, 5, 4, 4))],
    "an unknown outcome that a repetition settled": [
        COUNTED, SOLD._replace(outcome="unknown", ended=NEVER, told=Told(), key="k"),
        SEEN._replace(began=32, ended=34, told=SOLD.told), SOLD._replace(began=35, ended=40, key="k")],
    "two unknown outcomes in one gap, of which only one order adds up": [
        COUNTED,
        Operation("count", ITEM, 21, NEVER, "unknown", amount=7),
        Operation("reserve", ITEM, 22, NEVER, "unknown", amount=9),
        SEEN._replace(told=Told(2, 10, 9, 1)),
        Operation("count", ITEM, 90, 95, told=Told(4, 12, 9, 3), amount=12),
        Operation("adjust", ITEM, 23, NEVER, "unknown", amount=2)],
    "a read as far behind as it says": [COUNTED, SOLD, SEEN._replace(told=COUNTED.told, lag=30)],
}  # fmt: skip


@pytest.mark.parametrize("history", FINE.values(), ids=FINE)
def test_the_checker_accepts(history: list[Operation]):
    assert violations(history) == []
