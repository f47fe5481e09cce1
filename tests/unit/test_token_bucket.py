"""Token buckets: at most burst + rate × time for each client, over processes, on a clock that cannot be set."""

import multiprocessing
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.parallel import run_parallel

from inventory.resilience.token_bucket import SharedItems, TokenBuckets

SECOND = 1_000_000_000


class Nanoseconds:
    """A time since boot that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 3600 * SECOND

    def __call__(self) -> int:
        return self.at


def buckets(rate: int = 10, burst: int = 5, clock: Nanoseconds | None = None, path: Path | None = None) -> TokenBuckets:
    return TokenBuckets(rate, burst, SharedItems(path), clock or Nanoseconds())


def allowed(bucket: TokenBuckets, times: int, client: str = "192.0.2.1") -> int:
    return sum(bucket.take(client).allowed for _ in range(times))


@given(
    rate=st.integers(1, 1_000_000),
    burst=st.integers(1, 50),
    pauses=st.lists(st.integers(0, 2 * SECOND) | st.integers(0, 2000), max_size=200),
)
def test_in_no_stretch_of_time_more_than_burst_and_rate_are_let_through(rate: int, burst: int, pauses: list[int]):
    clock = Nanoseconds()
    bucket = buckets(rate, burst, clock)
    granted = []
    for pause in pauses:
        clock.at += pause
        if bucket.take("c").allowed:
            granted.append(clock.at)
    for first, begin in enumerate(granted):
        for last in range(first, len(granted)):
            assert (last - first + 1 - burst) * SECOND <= rate * (granted[last] - begin)


@given(rate=st.integers(1, 1_000_000), burst=st.integers(1, 50), pauses=st.lists(st.integers(0, SECOND), max_size=50))
def test_a_client_that_waits_as_long_as_told_is_let_through_and_not_a_nanosecond_before(
    rate: int, burst: int, pauses: list[int]
):
    clock = Nanoseconds()
    bucket = buckets(rate, burst, clock)
    for pause in pauses:
        clock.at += pause
        refused = bucket.take("c")
        if refused.allowed:
            continue
        clock.at += refused.retry_after_ns - 1
        assert not bucket.take("c").allowed
        clock.at += 1
        assert bucket.take("c").allowed


@given(rate=st.integers(1, 1000), burst=st.integers(1, 20), pauses=st.lists(st.integers(0, SECOND), max_size=20))
def test_as_many_as_were_told_to_remain_are_let_through_at_once(rate: int, burst: int, pauses: list[int]):
    clock = Nanoseconds()
    bucket = buckets(rate, burst, clock)
    remaining = burst
    for pause in pauses:
        clock.at += pause
        remaining = bucket.take("c").remaining
    assert allowed(bucket, burst + 1, "c") == remaining


STEPS = st.lists(st.tuples(st.integers(0, 2 * SECOND), st.integers(0, 40)), max_size=60)


@given(rate=st.integers(1, 1_000_000), burst=st.integers(1, 50), steps=STEPS)
def test_no_request_is_let_in_before_what_was_spent_is_paid_for(rate: int, burst: int, steps: list[tuple[int, int]]):
    clock = Nanoseconds()
    bucket, begin, spent = buckets(rate, burst, clock), clock.at, 0
    for pause, further in steps:
        clock.at += pause
        if bucket.take("c").allowed:
            assert (spent + 1 - burst) * SECOND <= rate * (clock.at - begin)
            bucket.charge("c", further)
            spent += 1 + further


@given(rate=st.integers(1, 1000), burst=st.integers(1, 20), steps=STEPS)
def test_a_client_that_owes_and_waits_as_long_as_told_is_let_in_and_not_a_nanosecond_before(
    rate: int, burst: int, steps: list[tuple[int, int]]
):
    clock = Nanoseconds()
    bucket = buckets(rate, burst, clock)
    for pause, further in steps:
        clock.at += pause
        refused = bucket.take("c")
        if not refused.allowed:
            clock.at += refused.retry_after_ns - 1
            assert not bucket.take("c").allowed
            clock.at += 1
            assert bucket.take("c").allowed
        bucket.charge("c", further)


def test_a_bucket_with_one_token_lets_in_whatever_it_costs_and_then_waits_until_it_is_above_zero():
    clock = Nanoseconds()
    bucket = buckets(rate=10, burst=1, clock=clock)
    bucket.take("c")
    charged, refused = bucket.charge("c", 999), bucket.take("c")
    assert (charged.remaining, charged.full_after_ns, refused.remaining) == (0, 100 * SECOND, 0)
    assert (refused.allowed, refused.retry_after_ns) == (False, 100 * SECOND)


def test_what_remains_after_a_charge_is_let_through_at_once():
    bucket = buckets(burst=10)
    bucket.take("c")
    assert bucket.charge("c", 4).remaining == allowed(bucket, 20, "c") == 5


def test_a_charge_that_another_process_wrote_over_is_made_again():
    bucket, place = buckets(rate=1, burst=1), 0

    class Overwritten(list):
        """Loses the first write, as where another process puts back what it had read before."""

        lost = False

        def __setitem__(self, at, value):
            if self.lost:
                super().__setitem__(at, value)
            self.lost = True

    bucket._items, bucket._known["c"] = Overwritten([0]), place
    bucket._place_of = lambda _: place
    bucket.charge("c", 1000)
    assert bucket.take("c").retry_after_ns == 1000 * SECOND


def test_a_burst_at_once_and_not_one_more():
    assert allowed(buckets(burst=5), 20) == 5


def test_a_full_bucket_holds_no_more_than_its_burst_however_long_it_waited():
    clock = Nanoseconds()
    bucket = buckets(burst=5, clock=clock)
    allowed(bucket, 20)
    clock.at += 10**6 * SECOND
    assert allowed(bucket, 20) == 5


def test_a_refusal_costs_nothing():
    clock = Nanoseconds()
    bucket = buckets(rate=10, burst=1, clock=clock)
    allowed(bucket, 1000)
    clock.at += SECOND // 10
    assert bucket.take("192.0.2.1").allowed


def test_it_says_when_the_bucket_is_full_again():
    grants = [buckets(rate=10, burst=2).take("c")]
    assert (grants[0].remaining, grants[0].full_after_ns) == (1, SECOND // 10)


def test_what_one_client_takes_another_has():
    bucket = buckets(burst=5)
    allowed(bucket, 20, "192.0.2.1")
    assert allowed(bucket, 20, "192.0.2.2") == 5


def test_sixteen_threads_together_get_one_burst():
    bucket = buckets(rate=1, burst=100)
    assert sum(run_parallel([lambda: allowed(bucket, 25)] * 16, at_once=16)) == 100


@pytest.fixture
def path(tmp_path: Path) -> Path:
    SharedItems.make(tmp_path / "buckets")
    return tmp_path / "buckets"


def test_two_processes_that_map_one_file_share_each_bucket(path: Path):
    clock = Nanoseconds()
    first, second = (buckets(burst=10, clock=clock, path=path) for _ in range(2))
    assert (allowed(first, 7), allowed(second, 7), allowed(first, 7)) == (7, 3, 0)


def test_what_one_process_charges_the_other_waits_for(path: Path):
    clock = Nanoseconds()
    first, second = (buckets(rate=10, burst=5, clock=clock, path=path) for _ in range(2))
    first.take("c")
    first.charge("c", 999)
    assert (second.take("c").retry_after_ns, allowed(second, 9, "c")) == (99 * SECOND + 6 * SECOND // 10, 0)


def flood(path: Path, seconds: float, result: "multiprocessing.Queue[int]") -> None:
    bucket = TokenBuckets(1000, 100, SharedItems(path), time.monotonic_ns)
    until = time.monotonic() + seconds
    granted = 0
    while time.monotonic() < until:
        granted += allowed(bucket, 100)
    result.put(granted)


def test_processes_that_race_for_one_bucket_get_hardly_more_than_one_would(path: Path):
    results: multiprocessing.Queue[int] = multiprocessing.get_context("fork").Queue()
    start = time.monotonic()
    processes = [multiprocessing.get_context("fork").Process(target=flood, args=(path, 0.5, results)) for _ in range(2)]
    for process in processes:
        process.start()
    granted = sum(results.get() for _ in processes)
    took = time.monotonic() - start
    for process in processes:
        process.join()
    # Two buckets would grant twice as much. How much a race gives away depends on the machine: 1.22 was seen.
    assert granted <= 1.6 * (100 + 1000 * took)


def test_the_file_is_allocated_in_full(path: Path):
    status = path.stat()
    assert status.st_blocks * 512 >= status.st_size > 500_000


def test_a_file_that_is_too_short_is_an_error_and_no_crash(tmp_path: Path):
    (tmp_path / "short").write_bytes(b"short")
    with pytest.raises(OSError, match="short"):
        SharedItems(tmp_path / "short")


def test_without_the_salt_no_client_knows_which_clients_share_a_bucket():
    clients = [f"198.51.100.{number}" for number in range(200)]
    first, second = buckets(), buckets()
    assert [first._place_of(client) for client in clients] != [second._place_of(client) for client in clients]


def test_what_is_remembered_of_clients_is_bounded():
    bucket = buckets()
    for number in range(10_000):
        bucket.take(str(number))
    assert len(bucket._known) <= 4096
