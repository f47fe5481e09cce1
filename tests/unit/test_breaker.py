"""The circuit breaker: when it opens, which change it lets through as a probe, when it closes."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.given import Clock
from support.parallel import run_parallel

from inventory.resilience.breaker import BreakerOpen, CircuitBreaker

COOLDOWN = 5000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker("ledger", threshold=3, cooldown_ms=COOLDOWN, now=clock)


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.failed(breaker.admit())


@pytest.fixture
def half_open(breaker: CircuitBreaker, clock: Clock) -> CircuitBreaker:
    fail(breaker, 3)
    clock.advance(ms=COOLDOWN)
    return breaker


def is_let_through(breaker: CircuitBreaker) -> bool:
    try:
        breaker.admit()
    except BreakerOpen:
        return False
    return True


def test_it_opens_with_the_failure_that_reaches_the_threshold(breaker: CircuitBreaker):
    fail(breaker, 2)
    before = breaker.state
    fail(breaker)
    assert (before, breaker.state, breaker.openings.count) == ("closed", "open", 1)


def test_a_success_between_failures_forgets_them(breaker: CircuitBreaker):
    fail(breaker, 2)
    breaker.succeeded(breaker.admit())
    fail(breaker, 2)
    assert breaker.state == "closed"


def test_failures_of_calls_that_were_under_way_together_count_once(breaker: CircuitBreaker):
    together = [breaker.admit() for _ in range(16)]
    for call in together:
        breaker.failed(call)
    assert breaker.state == "closed"


def test_a_success_that_began_before_the_last_failure_forgets_nothing(breaker: CircuitBreaker):
    early = breaker.admit()
    fail(breaker, 2)
    breaker.succeeded(early)
    fail(breaker)
    assert breaker.state == "open"


def test_an_open_one_says_what_is_left_of_the_cooldown(breaker: CircuitBreaker, clock: Clock):
    fail(breaker, 3)
    clock.advance(ms=1200)
    with pytest.raises(BreakerOpen) as refused:
        breaker.admit()
    assert refused.value.retry_after_ms == COOLDOWN - 1200


def test_until_the_last_microsecond_of_the_cooldown_no_change_is_let_through(breaker: CircuitBreaker, clock: Clock):
    fail(breaker, 3)
    clock.at += COOLDOWN * 1000 - 1
    early = is_let_through(breaker)
    clock.at += 1
    assert (early, is_let_through(breaker)) == (False, True)


def test_of_sixteen_threads_exactly_one_is_the_probe(half_open: CircuitBreaker):
    barrier = threading.Barrier(16)

    def ask() -> bool:
        barrier.wait()
        return is_let_through(half_open)

    assert sum(run_parallel([ask] * 16, at_once=16)) == 1


def test_a_probe_that_succeeds_closes_it(half_open: CircuitBreaker):
    half_open.succeeded(half_open.admit())
    assert (half_open.state, is_let_through(half_open), is_let_through(half_open)) == ("closed", True, True)


def test_a_probe_that_fails_opens_it_for_another_cooldown(half_open: CircuitBreaker, clock: Clock):
    fail(half_open)
    clock.advance(ms=COOLDOWN - 1)
    assert (half_open.state, half_open.openings.count) == ("open", 2)


def test_after_closing_it_takes_the_whole_threshold_to_open_it(half_open: CircuitBreaker):
    half_open.succeeded(half_open.admit())
    fail(half_open, 2)
    assert half_open.state == "closed"


def test_after_a_probe_that_says_nothing_the_next_call_is_one(half_open: CircuitBreaker):
    half_open.withdrew(half_open.admit())
    assert (half_open.state, is_let_through(half_open), is_let_through(half_open)) == ("half-open", True, False)


def test_a_probe_that_is_never_heard_of_makes_way_after_a_cooldown(half_open: CircuitBreaker, clock: Clock):
    half_open.admit()
    clock.advance(ms=COOLDOWN)
    assert is_let_through(half_open)


def test_a_probe_that_takes_longer_than_the_cooldown_still_closes_it(half_open: CircuitBreaker, clock: Clock):
    slow = half_open.admit()
    clock.advance(ms=2 * COOLDOWN)
    half_open.succeeded(slow)
    assert half_open.state == "closed"


def test_what_began_before_the_opening_neither_closes_nor_prolongs_it(breaker: CircuitBreaker, clock: Clock):
    good, bad = breaker.admit(), breaker.admit()
    fail(breaker, 3)
    clock.advance(ms=COOLDOWN - 1)
    breaker.succeeded(good)
    breaker.failed(bad)
    breaker.withdrew(bad)
    still = breaker.state
    clock.advance(ms=1)
    assert (still, breaker.state) == ("open", "half-open")


def test_a_listener_is_told_of_openings_and_closings_only(breaker: CircuitBreaker, clock: Clock):
    seen: list[str] = []
    breaker.on_change(lambda: seen.append(breaker.state))
    fail(breaker, 3)
    clock.advance(ms=COOLDOWN)
    breaker.succeeded(breaker.admit())
    breaker.succeeded(breaker.admit())
    assert seen == ["open", "closed"]


def test_nothing_is_locked_while_a_call_is_under_way(breaker: CircuitBreaker):
    breaker.admit()
    assert run_parallel([lambda: is_let_through(breaker)] * 4, at_once=4) == [True] * 4


@given(st.lists(st.tuples(st.sampled_from(["failed", "succeeded", "withdrew"]), st.integers(0, 2 * COOLDOWN))))
def test_one_call_after_another_it_does_what_a_model_does(steps: list[tuple[str, int]]):
    clock = Clock()
    breaker = CircuitBreaker("ledger", threshold=3, cooldown_ms=COOLDOWN, now=clock)
    failures, opened_at = 0, None
    for report, pause in steps:
        clock.advance(ms=pause)
        may = opened_at is None or clock.at >= opened_at + COOLDOWN * 1000
        assert breaker.state == ("closed" if opened_at is None else "half-open" if may else "open")
        try:
            call = breaker.admit()
        except BreakerOpen:
            assert not may
            continue
        assert may
        getattr(breaker, report)(call)
        if report == "succeeded":
            failures, opened_at = 0, None
        elif report == "failed":
            failures += 1
            if opened_at is not None or failures >= 3:
                opened_at = clock.at
