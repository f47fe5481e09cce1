"""scripts/drills: confirmed changes that are lost, or happened twice, are found in the log after a power cut."""

import json
from collections import Counter
from typing import Any

import pytest
from drills.after_cut import Told, compare
from drills.power_cut import Cut, verdict
from drills.workload import Account, Answered, Change, outcome_of

ITEM = ("store-1", "sku-1")


def event(sequence: int, key: str | None, delta: int, on_hand: int, **fields: Any) -> dict[str, Any]:
    line = {"storeId": ITEM[0], "sku": ITEM[1], "onHandDelta": delta, "reservedDelta": 0, "onHand": on_hand}
    idempotency = {"idempotency": None if key is None else {"key": key}}
    return {"sequence": sequence, "lines": [{**line, "version": sequence}], **idempotency, **fields}


def adjusted(sequence: int, on_hand: int) -> Answered:
    return Answered(200, json.dumps({"sequence": sequence, "version": sequence, "onHand": on_hand}).encode(), 0.0)


def change(key: str, kind: str = "adjust", operations: int = 0) -> Change:
    return Change(kind, key, "POST", "/", None, operations)


@pytest.fixture
def account() -> Account:
    """Two adjusts are confirmed."""
    made = Account()
    for number, key in enumerate(("a", "b"), start=2):
        made.sent[key] = change(key)
        made.note(made.sent[key], adjusted(number, 10 - number))
    return made


LOG = [event(1, None, 9, 9), event(2, "a", -1, 8), event(3, "b", -1, 7)]
TOLD = Told({ITEM: (7, 0, 3)}, {})


def test_nothing_is_found_where_all_is_there_once(account: Account):
    assert compare(LOG, account, TOLD).all() == []


def test_a_confirmed_change_that_is_gone_is_lost(account: Account):
    found = compare(LOG[:2], account, Told({ITEM: (8, 0, 2)}, {}))
    assert (found.lost, found.doubled, found.other) == (
        ["b (adjust) was confirmed as event 3, and is not there"],
        [],
        [],
    )


@pytest.mark.parametrize("answer", [adjusted(4, 7), adjusted(3, 6)])
def test_another_event_in_the_place_of_a_confirmed_one_is_a_loss(account: Account, answer: Answered):
    account.confirmed["b"] = answer
    assert len(compare(LOG, account, TOLD).lost) == 1


def test_a_gap_in_the_log_is_a_loss(account: Account):
    assert compare([LOG[0], LOG[2]], account, TOLD).lost == ["the sequences have a gap"]


def test_a_change_that_was_applied_twice_is_found(account: Account):
    twice = [*LOG, event(4, "b", -1, 6)]
    found = compare(twice, account, Told({ITEM: (6, 0, 4)}, {}))
    assert found.doubled == ["b is there 2 times"]


def test_a_refused_change_and_one_that_was_never_sent_may_not_be_there(account: Account):
    account.refused.add("a")
    del account.confirmed["a"], account.sent["b"], account.confirmed["b"]
    assert compare(LOG, account, TOLD).other == ["a was refused, and is there", "b is there, and was never sent"]


def test_a_change_without_an_outcome_may_be_there_or_not(account: Account):
    account.unknown.add("b")
    del account.confirmed["b"]
    assert compare(LOG, account, TOLD).all() == []
    assert compare(LOG[:2], account, Told({ITEM: (8, 0, 2)}, {})).all() == []


def test_of_a_batch_each_operation_that_was_carried_out_must_be_there(account: Account):
    account.sent["c"] = change("c", "batch", 2)
    results = [
        {"status": 200, "record": {"sequence": 4, "version": 4, "onHand": 6}},
        {"status": 200, "record": {"sequence": 5, "version": 5, "onHand": 5}},
    ]
    account.note(account.sent["c"], Answered(200, json.dumps({"results": results}).encode(), 0.0))
    log = [*LOG, event(4, "c/0", -1, 6)]
    assert compare(log, account, Told({ITEM: (6, 0, 4)}, {})).lost == [
        "c/1 (batch) was confirmed as event 5, and is not there"
    ]


def test_a_hold_that_had_ended_in_that_way_is_confirmed_without_an_event(account: Account):
    account.sent["d"] = change("d", "commit")
    account.note(account.sent["d"], Answered(200, b'{"sequence": 3, "reservationId": "r"}', 0.0))
    ended = [*LOG[:2], {**LOG[2], "reservationId": "r"}]
    assert compare(ended, account, TOLD).all() == []
    assert len(compare(LOG, account, TOLD).lost) == 1


def test_a_server_that_tells_other_stock_than_its_log_is_found(account: Account):
    assert len(compare(LOG, account, Told({ITEM: (8, 0, 3)}, {})).other) == 1
    assert len(compare(LOG, account, Told({}, {})).other) == 1


def test_reserved_must_be_the_sum_of_what_is_held(account: Account):
    held = event(4, "h", 0, 7, reservationId="r")
    held["lines"][0]["reservedDelta"] = 2
    account.sent["h"] = change("h", "hold")
    log, records = [*LOG, held], {ITEM: (7, 2, 4)}
    assert compare(log, account, Told(records, {"r": Counter({ITEM: 2})})).all() == []
    assert len(compare(log, account, Told(records, {"r": Counter({ITEM: 1})})).other) == 1
    del held["reservationId"]
    assert len(compare(log, account, Told(records, {})).other) == 1


def test_a_part_that_is_committed_is_of_the_hold_that_a_line_of_format_3_names(account: Account):
    held, part = event(4, "h", 0, 7, reservationId="r"), event(5, "p", -1, 6, hold={"reservationId": "r"})
    held["lines"][0]["reservedDelta"], part["lines"][0]["reservedDelta"] = 2, -1
    account.sent |= {"h": change("h", "hold"), "p": change("p", "commit of a part")}
    told = Told({ITEM: (6, 1, 5)}, {"r": Counter({ITEM: 1})})
    assert compare([*LOG, held, {**part, "reservationId": None}], account, told).all() == []


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (201, b"{}", "confirmed"),
        (409, b"{}", "refused"),
        (503, b'{"outcome": "none"}', "refused"),
        (503, b'{"outcome": "unknown"}', "unknown"),
        (500, b"{}", "unknown"),
    ],
)
def test_only_what_certainly_did_not_happen_is_refused(status: int, body: bytes, outcome: str):
    assert outcome_of(Answered(status, body, 0.0)) == outcome
    assert outcome_of(None) == "unknown"


def cut(**changed: Any) -> Cut:
    files = {"segments": 3, "archived": 1, "newest snapshot": 9, "newest view": 9}
    return Cut(0, 1.0, **{"under_way": 1, "kinds": {"adjust": 1}, "files": files, **changed})


def test_the_verdict_wants_no_loss_and_work_to_have_been_done():
    assert all(bound.is_met for bound in verdict([cut()]))
    failed = verdict([cut(start="no"), cut(kinds={}, under_way=0)])
    assert [bound.what for bound in failed if not bound.is_met] == ["starts that failed"]
    idle = verdict([cut(kinds={}, under_way=0, files={})])
    assert len([bound for bound in idle if not bound.is_met]) == 7


def test_without_syncs_the_drill_must_find_something():
    assert [bound.is_met for bound in verdict([cut()], with_sync=False)] == [False]
    assert [bound.is_met for bound in verdict([cut(), cut(start="no")], with_sync=False)] == [True]
