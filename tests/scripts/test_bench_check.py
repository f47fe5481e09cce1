"""scripts/bench: a server that was wrong scores nothing, and ratios are taken within a round."""

from dataclasses import replace

import pytest
from bench.check import contradictions
from bench.contestants import CONTESTANTS, TARGETS, Target
from bench.load import Load
from bench.report import as_json, is_lopsided, ratios, remarks, spread, table_of_ratios, table_of_runs
from bench.rounds import Run
from bench.traffic import START, adjusting, mixed

DELTAS = (-1, -2)


def load_of(confirmed: list[int] | None, *, in_all: int = 0, unanswered: int = 0, requests: int = 100) -> Load:
    count = in_all if confirmed is None else sum(confirmed)
    return Load(requests, 1.0, (1.0, 2.0, 3.0), {}, confirmed, count, unanswered, 0.1, 0.5)


def records(*changes: int, missing: int = 0):
    """Records after so many changes of each SKU; ``missing`` units are gone from the last one."""
    found = {
        f"sku-{number}": {"version": 1 + changed, "onHand": START + DELTAS[number] * changed}
        for number, changed in enumerate(changes)
    }
    found[f"sku-{len(changes) - 1}"]["onHand"] -= missing
    return found


def test_stock_that_is_what_was_confirmed_passes():
    assert contradictions(records(3, 5), DELTAS, [load_of([3, 5])]) == []


def test_confirmations_of_several_loads_add_up():
    assert contradictions(records(3, 5), DELTAS, [load_of([1, 5]), load_of([2, 0])]) == []


@pytest.mark.parametrize("confirmed", [[4, 5], [2, 5], [5, 3]])
def test_a_lost_a_doubled_and_a_misplaced_change_are_found(confirmed: list[int]):
    assert contradictions(records(3, 5), DELTAS, [load_of(confirmed)])


def test_units_that_are_not_the_sum_of_the_changes_are_found():
    assert contradictions(records(3, 5, missing=1), DELTAS, [load_of([3, 5])])


def test_a_record_that_is_gone_is_found():
    assert contradictions(records(3), DELTAS, [load_of([3, 0])])


def test_a_read_that_changes_something_is_found():
    unchanged = {"sku-0": {"version": 1, "onHand": START}}
    assert contradictions(unchanged, (0,), [load_of([9])]) == []
    assert contradictions({"sku-0": {"version": 2, "onHand": START}}, (0,), [load_of([9])])


def test_of_mixed_traffic_the_changes_alone_are_counted():
    mixed_records = {"sku-0": {"version": 4, "onHand": START - 6}, "sku-1": {"version": 1, "onHand": START}}
    assert contradictions(mixed_records, (-2, 0), [load_of([3, 9])]) == []
    assert contradictions(mixed_records, (-2, 0), [load_of([4, 9])])
    changed_by_a_read = {**mixed_records, "sku-1": {"version": 2, "onHand": START}}
    assert contradictions(changed_by_a_read, (-2, 0), [load_of([3, 9])])


@pytest.mark.parametrize(("in_all", "is_right"), [(2, False), (3, True), (12, True)])
def test_of_mixed_traffic_of_which_only_the_sum_is_known_no_more_are_changes(in_all: int, is_right: bool):
    mixed_records = {"sku-0": {"version": 4, "onHand": START - 6}, "sku-1": {"version": 1, "onHand": START}}
    assert (contradictions(mixed_records, (-2, 0), [load_of(None, in_all=in_all)]) == []) is is_right


def test_one_of_five_requests_of_mixed_traffic_is_a_change():
    traffic = mixed(10)
    assert [request.startswith(b"POST ") for request in traffic.requests] == [True, *[False] * 4] * 2
    assert [delta != 0 for delta in traffic.deltas] == [True, *[False] * 4] * 2


@pytest.mark.parametrize(("in_all", "is_right"), [(9, False), (8, True), (6, True), (5, False)])
def test_a_driver_that_knows_only_the_sum_is_held_to_it_within_what_it_left_unanswered(in_all: int, is_right: bool):
    found = contradictions(records(3, 5), DELTAS, [load_of(None, in_all=in_all, unanswered=2)])
    assert (found == []) is is_right


def test_the_deltas_of_the_traffic_are_those_in_its_requests():
    traffic = adjusting(7)
    assert len(traffic.seed) == len(traffic.requests) == 7
    for number, (request, delta) in enumerate(zip(traffic.requests, traffic.deltas, strict=True)):
        assert request.startswith(f"POST /stores/store-1/inventory/sku-{number}/adjust ".encode())
        assert request.endswith(b'{"delta":%d}' % delta)


def run(name: str, number: int, requests: int, problems: list[str] | None = None) -> Run:
    return Run(name, number, load_of([1], requests=requests), problems or [])


def test_a_ratio_is_taken_within_each_round_and_its_median_reported():
    runs = [run("a", 0, 50), run("b", 0, 100), run("a", 1, 90), run("b", 1, 100), run("a", 2, 30), run("b", 2, 50)]
    (found,) = ratios(runs, [Target("a", "b", 0.6)])
    assert found.rate == (0.6, 0.5, 0.9)
    assert found.is_reached
    assert found.processor == pytest.approx(0.6)


def test_a_round_with_a_void_run_gives_no_ratio():
    runs = [run("a", 0, 50, ["lost"]), run("b", 0, 100), run("a", 1, 90), run("b", 1, 100)]
    (found,) = ratios(runs, [Target("a", "b", 0.6)])
    assert (found.rounds, found.rate.median) == (1, 0.9)
    assert ratios(runs[:2], [Target("a", "b", 0.6)]) == []


def test_a_void_run_is_said_so_in_the_table_and_its_figure_left_out():
    table = table_of_runs([run("a", 0, 50, ["lost"]), run("a", 1, 90)])
    assert "1 VOID" in table
    assert "90–90" in table


def test_everything_is_reported_for_people_and_for_programs():
    runs = [run("a", 0, 50), run("b", 0, 100)]
    found = ratios(runs, [Target("a", "b", 0.6)])
    assert table_of_ratios(found).splitlines()[-1].split() == [
        "a",
        "/",
        "b",
        "≥",
        "0.60",
        "0.500",
        "0.50–0.50",
        "0.50",
        "no",
    ]
    told = as_json({}, {}, runs, found, {"sqlite": "not there"})
    assert [one["rate"] for one in told["runs"]] == [50, 100]
    assert told["ratios"][0]["median"] == 0.5
    assert told["leftOut"] == {"sqlite": "not there"}


def test_a_ratio_of_which_nothing_is_wanted_is_neither_reached_nor_missed():
    runs = [run("a", 0, 150), run("b", 0, 100)]
    found = ratios(runs, [Target("a", "b")])
    assert table_of_ratios(found).splitlines()[-1].split() == ["a", "/", "b", "-", "1.500", "1.50–1.50", "1.50", "-"]
    told = as_json({}, {}, runs, found, {})["ratios"][0]
    assert (told["target"], told["reached"], told["median"]) == (None, None, 1.5)


def test_a_spread_is_the_median_and_both_ends():
    assert spread([3, 1, 2]) == (2, 1, 3)


@pytest.mark.parametrize(
    ("connections", "lopsided"), [([32, 32], False), ([62, 2], True), ([24, 40], False), ([], False)]
)
def test_runs_whose_connections_went_to_one_worker_are_told_apart(connections: list[int], lopsided: bool):
    assert is_lopsided(connections) is lopsided


def test_every_target_compares_contestants_that_exist():
    names = {contestant.name for contestant in CONTESTANTS}
    assert {name for target in TARGETS for name in (target.of, target.to)} <= names


@pytest.mark.parametrize(
    ("driver", "end"), [("wrk", "once 62/2); --driver own evens them out."), ("own", "once 62/2).")]
)
def test_runs_with_unequal_shares_are_doubtful_and_advice_is_given_where_there_is_any(driver: str, end: str):
    even, uneven = (replace(run("a", 0, 50), load=replace(load_of([1]), connections_of=of)) for of in ([2, 2], [62, 2]))

    assert "DOUBTFUL" not in remarks([even], driver)
    assert remarks([even, uneven], driver).splitlines()[-1].startswith("DOUBTFUL: in 1 of 2 runs")
    assert remarks([even, uneven], driver).endswith(end)
