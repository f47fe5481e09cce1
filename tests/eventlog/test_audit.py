"""The audit: a live state against a fold of its log. It reports every difference, and only differences."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.audited import ONE, TWO, some_services, state_of
from support.given import item

from inventory.domain.commands import AdjustStock, CountStock
from inventory.domain.dead_letter import Break
from inventory.domain.record import Policy
from inventory.domain.reservation import packed, unpacked
from inventory.domain.state import FEW, State
from inventory.verification.verify import Verification, audit, verify
from inventory.wiring import layout_of
from inventory.wiring.services import Services


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with some_services(tmp_path) as services:
        yield services


def checked(services: Services, tmp_path: Path, **bound: int) -> Verification:
    """What the other process does, in this one."""
    image = tmp_path / "image"
    with image.open("wb") as file:
        services.maintenance._log_maintenance.copy_state(file.write)
    return audit(layout_of(services.settings), image, **bound)


def test_a_state_that_is_what_its_log_says_has_no_drift(services: Services, tmp_path: Path):
    found = checked(services, tmp_path)
    assert found.as_json() == {
        "ok": True,
        "checkedSequence": 7,
        "fromSequence": 1,
        "drift": [],
        "driftCount": 0,
        "problems": [],
    }


def test_a_record_that_differs_is_told_with_both_figures(services: Services, tmp_path: Path):
    state = state_of(services)
    state.records[TWO] = state.records[TWO]._replace(on_hand=99)
    found = checked(services, tmp_path)
    (drift,) = found.drift.shown
    assert (found.ok, drift["kind"], drift["storeId"], drift["sku"]) == (False, "record", "store-2", "sku-1")
    assert (drift["live"]["onHand"], drift["log"]["onHand"]) == (99, 9)


def lose_record(state: State) -> None:
    del state.records[TWO]


def invent_record(state: State) -> None:
    state.records[item("ghost")] = state.records[ONE]._replace(item=item("ghost"))


def change_policy(state: State) -> None:
    state.records[ONE] = state.records[ONE]._replace(policy=Policy(9, None))


def lose_hold(state: State) -> None:
    table = state.reservations
    _, open_one = table._open.popitem()
    table._order.remove(open_one.created, open_one.reservation_id)


def change_hold(state: State) -> None:
    (reservation_id, kept), *_ = state.reservations._ended.items()
    state.reservations._ended[reservation_id] = packed(unpacked(reservation_id, kept)._replace(reference="another"))


def mark_broken(state: State) -> None:
    state.broken[ONE] = Break(3, None)


def lose_a_store_of_the_central_view(state: State) -> None:
    state.items_of_sku["sku-1"] = (ONE,)


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (lose_record, "record"),
        (invent_record, "record"),
        (change_policy, "record"),
        (lose_hold, "reservation"),
        (change_hold, "reservation"),
        (mark_broken, "broken"),
        (lose_a_store_of_the_central_view, "central"),
    ],
)
def test_whatever_is_changed_in_memory_alone_is_found(services: Services, tmp_path: Path, harm, kind):
    harm(state_of(services))
    found = checked(services, tmp_path)
    assert (found.ok, [drift["kind"] for drift in found.drift.shown]) == (False, [kind])


def test_sums_that_differ_from_those_of_the_log_are_told(services: Services, tmp_path: Path):
    for number in range(FEW + 1):
        services.stock.change(CountStock(item("wide", f"store-{number}"), 2))
    services.stock.change(AdjustStock(item("wide", "store-0"), -1))
    assert checked(services, tmp_path).ok

    state_of(services).wide["wide"]._qty += 1
    (drift,) = checked(services, tmp_path).drift.shown
    assert (drift["kind"], drift["sku"], drift["live"]["qty"], drift["log"]["qty"]) == ("totals", "wide", 130, 129)
    assert drift["log"] == {"stores": 65, "qty": 129, "reserved": 0, "onHand": 129}


def test_an_ended_hold_that_was_forgotten_is_no_drift(services: Services, tmp_path: Path):
    state = state_of(services)
    state.reservations.forget_ended(services.now() + 120_000_000)
    assert len(state.reservations) == 2
    assert checked(services, tmp_path).ok


def test_of_much_drift_a_hundred_are_told_and_all_are_counted(services: Services, tmp_path: Path):
    state = state_of(services)
    for number in range(150):
        state.broken[item(f"sku-{number}")] = Break(1, None)
    found = checked(services, tmp_path)
    assert (len(found.drift.shown), found.drift.count) == (100, 150)


def test_a_log_that_is_not_the_one_in_memory_is_a_problem(services: Services, tmp_path: Path):
    segment = layout_of(services.settings).segment(1)
    segment.write_bytes(segment.read_bytes().replace(b'"onHand":10', b'"onHand":11', 1))
    found = checked(services, tmp_path)
    assert (found.ok, len(found.problems)) == (False, 1)


def test_a_state_of_another_timeline_is_a_problem(services: Services, tmp_path: Path):
    state_of(services).timeline_id = "another"
    found = checked(services, tmp_path)
    (told,) = found.problems
    first = state_of(services).ledger_id
    here, there = f"ledger {first} and timeline {first}", f"ledger {first} and timeline another"
    assert told == f"the live state is of {there}, but the log is of {here}"


def test_a_snapshot_of_another_ledger_is_a_problem_for_verify(services: Services):
    right = state_of(services).ledger_id
    state_of(services).ledger_id = "another"
    services.maintenance.run_once()
    (told,) = verify(layout_of(services.settings)).problems
    assert f"is of ledger another and timeline {right}, but the log is of ledger {right}" in told


def test_a_long_log_is_folded_from_its_oldest_snapshot_on(services: Services, tmp_path: Path):
    services.maintenance.run_once()
    services.stock.change(AdjustStock(ONE, 1))
    services.maintenance.run_once()
    services.stock.change(AdjustStock(ONE, 1))
    found = checked(services, tmp_path, from_the_beginning=5)
    assert (found.ok, found.from_sequence, found.checked_sequence) == (True, 8, 9)


def test_the_archive_is_folded_too(services: Services, tmp_path: Path):
    for number in range(40):
        services.stock.change(CountStock(item(f"sku-{number}"), number))
    services.maintenance._log_maintenance._now = lambda: services.now() + 10**13
    services.maintenance.run_once()
    services.stock.change(AdjustStock(ONE, 1))
    services.maintenance.run_once()
    assert layout_of(services.settings).archived_segments()[:1] == [1]
    found = checked(services, tmp_path)
    assert (found.ok, found.from_sequence, found.checked_sequence) == (True, 1, 48)


def test_a_snapshot_that_differs_from_the_log_is_drift_for_verify(services: Services):
    state = state_of(services)
    right = state.records[TWO]
    state.records[TWO] = right._replace(on_hand=99)
    services.maintenance.run_once()
    state.records[TWO] = right
    found = verify(layout_of(services.settings))
    (drift,) = found.drift.shown
    assert (drift["live"]["onHand"], drift["log"]["onHand"], drift["source"][:8]) == (99, 9, "central-")
    assert len(found.problems) == 1
