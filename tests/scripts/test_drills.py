"""scripts/drills: the arithmetic of the verdicts, and the kinds of answers that the driver counts for them."""

import json
from dataclasses import replace
from threading import Event
from types import SimpleNamespace

import pytest
from bench.answers import kind_of
from bench.load import Answers, Load
from drills import batches, beside, flood
from drills.beside import CASES, Pair
from drills.bounds import Bound, table
from drills.flood import Round

GOOD, MISSED = "ok", "NOT MET"


def answers(count: int, p99: float) -> Answers:
    return Answers(count, p99 / 4, p99 / 2, p99, p99 * 2)


def load(errors: dict[str, int] | None = None, **by_status: Answers) -> Load:
    kinds = {status.removeprefix("status_"): one for status, one in by_status.items()}
    p99 = max((one.p99 for one in kinds.values()), default=0.0)
    return Load(100, 2.0, (1.0, p99, 9.0), errors or {}, [1], 1, 0, 0.1, 0.5, [1, 1], kinds)


def one_round(**changed: object) -> Round:
    """A round that keeps every bound, but for what is changed."""
    flooded = load({"HTTP/1.1 503": 9}, status_200=answers(60, 50.0), status_503=answers(9, 250.0))
    return replace(Round(load(status_200=answers(100, 10.0)), flooded, answers(9, 500.0), 70.0), **changed)


def missed(bounds: list[Bound]) -> list[str]:
    return [bound.what for bound in bounds if not bound.is_met]


def test_a_flood_at_its_bounds_keeps_them_all():
    at_half = load(status_200=answers(50, 50.0), status_503=answers(9, 250.0))
    assert missed(flood.verdict([one_round(flooded=at_half)], [])) == []


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"flooded": load(status_200=answers(49, 50.0))}, "goodput, of that without the flood"),
        ({"flooded": load(status_200=answers(99, 50.1))}, "p99 of accepted changes, times that without"),
        (
            {"flooded": load(status_200=answers(99, 50.0), status_429=answers(1, 251.0), status_503=answers(1, 1.0))},
            "p99 of refusals",
        ),
        ({"health": answers(9, 502.0)}, "p95 of health"),
        (
            {"flooded": load({"HTTP/1.1 503 without Retry-After": 1}, status_200=answers(99, 50.0))},
            "answers other than 200, or 429 and 503 with Retry-After",
        ),
        ({"unloaded": load({"HTTP/1.1 500": 1}, status_200=answers(99, 50.0))}, "answers other than 200, or 429"),
    ],
)
def test_each_bound_of_a_flood_is_missed_alone(changed: dict[str, object], what: str):
    (found,) = missed(flood.verdict([one_round(**changed)], []))
    assert found.startswith(what)


def test_a_contradiction_is_a_bound_missed():
    assert missed(flood.verdict([one_round()], ["lost"])) == ["contradictions between answers, stock and log"]


def test_memory_is_what_the_last_round_holds_more_than_the_first():
    grown = flood.verdict([one_round(), one_round(memory=78.1)], [])
    assert missed(grown) == ["memory, last round less first"]


def test_a_flood_in_which_nothing_was_carried_out_and_no_health_answered_misses_what_rests_on_them():
    nothing = one_round(flooded=load(), health=flood.NONE)
    assert missed(flood.verdict([nothing], [])) == [
        "goodput, of that without the flood",
        "p99 of accepted changes, times that without",
        "p95 of health",
    ]


def test_ratios_are_taken_within_a_round_and_their_median_counts():
    slow_machine = one_round(unloaded=load(status_200=answers(10, 100.0)), flooded=load(status_200=answers(9, 200.0)))
    bounds = flood.verdict([one_round(), slow_machine, slow_machine], [])
    assert [bound.measured for bound in bounds[:2]] == [0.9, 2.0]


def test_two_kinds_of_refusal_count_together_and_the_slower_one_decides():
    found = flood.refusals(load(status_200=answers(1, 1.0), status_429=answers(3, 8.0), status_503=answers(2, 4.0)))
    assert (found.count, found.p99) == (5, 8.0)


@pytest.mark.parametrize(("p99", "verdict"), [(15.0, GOOD), (15.1, MISSED)])
def test_a_slow_sync_may_make_the_p99_half_as_long_again(p99: float, verdict: str):
    pair = Pair(load(status_200=answers(9, 10.0)), load(status_200=answers(9, p99)), [])
    assert table(beside.verdict([pair], CASES["slow-sync"])).splitlines()[1].endswith(f"  {verdict}")


def test_answers_other_than_200_and_contradictions_fail_the_slow_sync():
    fine = load(status_200=answers(9, 10.0))
    refused = load({"HTTP/1.1 503": 1}, status_200=answers(9, 10.0))
    assert missed(beside.verdict([Pair(fine, refused, ["lost"])], CASES["slow-sync"])) == [
        "answers other than 200",
        "contradictions between answers, stock and log",
    ]


@pytest.mark.parametrize(
    ("many", "p99", "lag", "done", "what"),
    [
        (90, 20.0, 1000, 1, []),
        (89, 20.0, 1000, 1, ["changes a second, of those without"]),
        (90, 20.1, 1000, 1, ["p99 of changes beside a continuous copy, times that without"]),
        (90, 20.0, 1001, 1, ["lag of the copy at its highest"]),
        (90, 20.0, 1000, 0, ["events copied in the round that had fewest"]),
    ],
)
def test_each_bound_of_a_continuous_copy_is_missed_alone(many: int, p99: float, lag: int, done: int, what: list[str]):
    pair = Pair(load(status_200=answers(100, 10.0)), load(status_200=answers(many, p99)), [], done, lag)
    assert missed(beside.verdict([pair], CASES["follower"])) == what


@pytest.mark.parametrize(("case", "work"), [("upkeep", "snapshots"), ("audit", "/audit/verify")])
def test_work_that_was_not_done_in_one_round_shows_nothing(case: str, work: str):
    fine = load(status_200=answers(9, 10.0))
    found = beside.verdict([Pair(fine, fine, [], 3), Pair(fine, fine, [], 0)], CASES[case])
    assert missed(found) == [f"{work} in the round that had fewest"]


@pytest.mark.parametrize("case", [CASES["audit"], CASES["large-reads"]])
def test_a_path_is_asked_for_again_and_again_until_the_load_ends(case: beside.Case):
    enough, asked = Event(), []

    def ask(path: str) -> int:
        asked.append(path)
        if len(asked) == 3 * case.askers:
            enough.set()
        return 200

    with beside.asking(SimpleNamespace(status_of=ask), case) as statuses:
        assert enough.wait(10)
    assert (statuses, set(asked)) == ([200] * len(asked), {case.asked})


def test_a_bound_may_be_reached_and_not_passed_in_either_direction():
    assert [Bound("x", value, 5).is_met for value in (4.9, 5, 5.1, float("nan"))] == [True, True, False, False]
    least = [Bound("x", value, 5, at_least=True).is_met for value in (4.9, 5, 5.1, float("nan"))]
    assert least == [False, True, True, False]


def test_latencies_are_summed_up_in_milliseconds_whatever_their_order():
    found = Answers.of([million * 1_000_000 for million in range(100, 0, -1)])
    assert (found.count, found.p50, found.p95, found.p99, found.longest) == (100, 50.0, 95.0, 99.0, 100.0)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"HTTP/1.1 503 X\r\nRetry-After: 1\r\n", "HTTP/1.1 503"),
        (b"HTTP/1.1 429 X\r\nretry-after: 10\r\n", "HTTP/1.1 429"),
        (b"HTTP/1.1 503 X\r\nRetry-After: 0\r\n", "HTTP/1.1 503 without Retry-After"),
        (b"HTTP/1.1 429 X\r\nX-Retry-After: 1\r\n", "HTTP/1.1 429 without Retry-After"),
        (b"HTTP/1.1 404 X\r\n", "HTTP/1.1 404"),
    ],
)
def test_a_refusal_for_the_moment_that_does_not_say_when_to_come_back_is_told_apart(head: bytes, kind: str):
    assert kind_of(head + b"Content-Length: 16\r\n\r\n\r\nRetry-After: 1") == kind


def batch_round(**changed: object) -> batches.Round:
    """A round at its bounds, but for what is changed."""
    usual, at_bound = load(status_200=answers(9, 5.0)), load(status_200=answers(95, 1000.0))
    return replace(batches.Round(usual, at_bound, {"200": 1, "503": 9}, 0, []), **changed)


def test_batches_at_their_bounds_keep_them_all():
    assert missed(batches.verdict([batch_round()])) == []


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"beside": load(status_200=answers(94, 1.0))}, "single changes accepted beside the batches"),
        ({"beside": load(status_200=answers(95, 1000.1))}, "p99 of accepted single changes"),
        ({"batches": {"503": 9}}, "batches carried out in the round that had fewest"),
        ({"unexpected": 1}, "answers to batches other than 200, or 429 and 503 with Retry-After"),
        ({"wrong": ["lost"]}, "contradictions between answers, stock and log"),
    ],
)
def test_each_bound_of_the_batches_is_missed_alone_and_by_the_worst_round(changed: dict[str, object], what: str):
    assert missed(batches.verdict([batch_round(), batch_round(**changed)])) == [what]


def test_no_single_change_at_all_misses_what_rests_on_them():
    nothing = replace(load(), requests=0)
    assert missed(batches.verdict([batch_round(beside=nothing)])) == [
        "single changes accepted beside the batches",
        "p99 of accepted single changes",
    ]


def test_answers_to_batches_are_told_apart_and_their_operations_counted():
    tally = batches.LocalCounter()
    tally.add(200, b'{"results":[{"status":200,"x":1},{"status":200},{"status":503,"outcome":"unknown"}]}', None)
    tally.add(503, b'{"status":503,"outcome":"none"}', "1")
    tally.add(503, b'{"status":503,"outcome":"unknown"}', "1")
    tally.add(429, b"{}", None)
    tally.add_broken()
    assert tally.kinds == {"200": 1, "503": 2, "429 without Retry-After": 1, "broken": 1}
    assert (tally.reserved, tally.in_doubt, tally.unexpected()) == (2, 2001, 2)


@pytest.mark.parametrize(("units", "wrong"), [(2, 0), (1003, 0), (1, 1), (1004, 1)])
def test_reserved_units_lie_between_what_was_confirmed_and_what_may_have_been(units: int, wrong: int):
    tally = batches.LocalCounter()
    tally.reserved, tally.in_doubt = 2, 1001
    assert len(batches.contradictions(units, tally)) == wrong


def test_half_of_the_senders_send_atomic_batches_of_1000_reserves_over_500_records():
    bodies = [json.loads(batches.body_of(number)) for number in range(batches.SENDERS)]
    assert [body["atomic"] for body in bodies].count(True) == batches.SENDERS // 2
    assert {len(body["operations"]) for body in bodies} == {1000}
    assert len({operation["sku"] for operation in bodies[0]["operations"]}) == 500
