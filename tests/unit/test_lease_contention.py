"""Many threads that want one lease: exactly one has it."""

import threading

from filelock import FileLock
from support.leases import TTL_MS, taken

from inventory.resilience.parallel import run_parallel


def test_while_another_is_at_the_same_key_a_contender_is_refused_at_once(leases, tmp_path):
    leases.release(taken(leases))
    (guard,) = tmp_path.iterdir()
    with FileLock(guard, thread_local=False):
        assert run_parallel([lambda: leases.acquire("sku-1")], at_once=1) == [None]


def test_of_32_threads_exactly_one_gets_the_lease(leases):
    for turn in range(20):
        start = threading.Barrier(32)

        def contend(key=f"sku-{turn}", start=start):
            start.wait(30)
            return leases.acquire(key)

        assert sum(won is not None for won in run_parallel([contend] * 32, at_once=32)) == 1


def test_of_32_threads_exactly_one_steals_a_lease_that_has_ended(leases, up):
    for turn in range(20):
        taken(leases, f"sku-{turn}")
        up.advance(ms=TTL_MS)
        start = threading.Barrier(32)

        def contend(key=f"sku-{turn}", start=start):
            start.wait(30)
            return leases.acquire(key)

        assert [won.stolen for won in run_parallel([contend] * 32, at_once=32) if won is not None] == [True]


def test_a_counter_that_only_lease_holders_touch_loses_nothing(leases):
    counter = [0]

    def count() -> int:
        done = 0
        for _ in range(150):
            acquired = leases.acquire("sku-1")
            if acquired is None:
                continue
            seen = counter[0]
            threading.Event().wait(0)
            counter[0] = seen + 1
            done += 1
            assert leases.release(acquired.lease)
        return done

    done = run_parallel([count] * 8, at_once=8)
    assert counter[0] == sum(done) > 0
