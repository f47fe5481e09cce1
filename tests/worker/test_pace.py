"""How slowly a client may take its answer: something in five seconds, and 64 KiB a second after the first five."""

from inventory.worker.pace import FLOOR, Pace

PATIENCE = 5.0


def given_up_at(rate: float, *, until: float = 600.0, stops: float = 600.0, step: float = 0.25) -> float | None:
    """When a client is given up that takes ``rate`` bytes a second up to ``stops``."""
    pace, now = Pace(PATIENCE, 0.0), 0.0
    while now < until:
        now += step
        if pace.is_too_slow(int(rate * min(now, stops)), now):
            return now
    return None


def test_a_client_that_takes_nothing_is_given_up_after_its_patience():
    assert given_up_at(0) == PATIENCE


def test_a_client_that_takes_64_kib_a_second_is_never_given_up():
    assert given_up_at(FLOOR) is None


def test_a_client_that_takes_half_of_that_is_given_up_when_it_is_five_seconds_late():
    assert given_up_at(FLOOR / 2) == 2 * PATIENCE


def test_a_client_that_was_quick_and_stops_is_given_up_after_its_patience():
    assert given_up_at(1_000_000, stops=3.0) == 3.0 + PATIENCE


def test_pauses_shorter_than_the_patience_cost_a_quick_client_nothing():
    pace = Pace(PATIENCE, 0.0)
    assert not any(pace.is_too_slow(burst * 2_000_000, burst * 4.9) for burst in range(1, 50))


def test_bytes_that_the_kernel_has_given_back_count_once():
    pace = Pace(PATIENCE, 0.0)
    assert not pace.is_too_slow(1_000_000, 1.0)
    assert not pace.is_too_slow(900_000, 5.5)
    assert pace.is_too_slow(1_000_000, 6.0)
