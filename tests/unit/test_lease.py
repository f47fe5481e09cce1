"""LeaseStore: one owner at a time, until a deadline on a clock that cannot be set."""

import os
import threading

import pytest
from filelock import FileLock
from support.leases import TTL_MS, lease_files, store, taken
from support.parallel import run_parallel

from inventory.resilience.lease import LeaseLost, decode, encode


def test_a_lease_keeps_every_other_out_until_its_deadline(leases, up):
    taken(leases)
    up.advance(ms=TTL_MS)
    up.at -= 1
    assert leases.acquire("sku-1") is None
    up.at += 1
    assert leases.acquire("sku-1") is not None


def test_a_lease_of_one_key_does_not_block_another_key(leases):
    taken(leases)
    assert leases.acquire("sku-2") is not None


def test_the_owner_is_the_name_the_process_and_something_new_each_time(leases):
    owners = {taken(leases, f"sku-{number}").owner for number in range(3)}
    assert len(owners) == 3
    assert all(owner.startswith(f"till-7/{os.getpid()}/") for owner in owners)


def test_a_released_key_is_free_and_leaves_no_file(leases, tmp_path):
    assert leases.release(taken(leases))
    assert lease_files(tmp_path) == []
    acquired = leases.acquire("sku-1")
    assert acquired is not None
    assert not acquired.stolen


def test_many_keys_leave_no_more_files_than_there_are_guards(leases, tmp_path):
    for number in range(600):
        leases.release(taken(leases, f"sku-{number}"))
    assert len(list(tmp_path.iterdir())) <= 256


@pytest.mark.parametrize("key", ["..", "a/b", "/etc/passwd", "ü" * 400, "\0", "", "NUL:", "a" * 64])
def test_any_key_is_a_safe_file_name(leases, tmp_path, key):
    lease = taken(leases, key)
    assert [path.parent for path in lease_files(tmp_path)] == [tmp_path]
    assert leases.acquire(key) is None
    assert leases.release(lease)


def test_a_lease_that_has_ended_is_stolen_and_its_old_owner_can_do_nothing_with_it(leases, up):
    old = taken(leases)
    up.advance(ms=TTL_MS)
    stolen = leases.acquire("sku-1")
    assert stolen is not None
    assert stolen.stolen
    for attempt in (leases.renew, leases.release):
        with pytest.raises(LeaseLost):
            attempt(old)
    assert leases.release(stolen.lease)


def test_a_lease_of_another_boot_is_stolen_whatever_its_deadline(leases, tmp_path, up):
    up.advance(ms=86_400_000)
    taken(leases)
    up.at = 0
    acquired = store(tmp_path, up, boot="boot-2").acquire("sku-1")
    assert acquired is not None
    assert acquired.stolen


def test_a_lease_lasts_a_whole_ttl_from_its_renewal(leases, up):
    lease = taken(leases)
    up.advance(ms=1500)
    lease = leases.renew(lease)
    up.advance(ms=1999)
    assert leases.acquire("sku-1") is None
    assert leases.release(lease)


def test_a_lease_that_has_ended_is_not_renewed_even_if_no_other_owner_took_it(leases, up):
    lease = taken(leases)
    up.advance(ms=TTL_MS)
    with pytest.raises(LeaseLost):
        leases.renew(lease)


def test_who_releases_too_late_is_told_so_and_leaves_no_file(leases, up, tmp_path):
    lease = taken(leases)
    up.advance(ms=TTL_MS)
    assert not leases.release(lease)
    assert lease_files(tmp_path) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 80,
        b'{"key":"sku-1","owner":"x","dead',
        b"[]",
        b'{"key":"sku-1","owner":"x","deadline":"never","boot":"boot-1"}',
    ],
)
def test_a_file_that_is_empty_or_torn_keeps_no_owner_out(leases, tmp_path, content):
    lease = taken(leases)
    lease_files(tmp_path)[0].write_bytes(content)
    with pytest.raises(LeaseLost):
        leases.renew(lease)
    acquired = leases.acquire("sku-1")
    assert acquired is not None
    assert acquired.stolen


def test_every_cut_of_a_record_has_no_owner(leases):
    content = encode(taken(leases))
    assert decode(content) is not None
    assert [size for size in range(len(content) - 1) if decode(content[:size]) is not None] == []


def test_on_a_full_disk_no_lease_is_given_and_no_file_remains(leases, tmp_path, disk):
    disk.refuses = "write"
    with pytest.raises(OSError, match="No space"):
        leases.acquire("sku-1")
    assert lease_files(tmp_path) == []


def test_a_renewal_that_fails_leaves_the_lease_as_it_was(leases, up, disk):
    lease = taken(leases)
    up.advance(ms=1500)
    disk.refuses = "write"
    with pytest.raises(OSError, match="No space"):
        leases.renew(lease)
    disk.refuses = ""
    assert leases.acquire("sku-1") is None
    up.advance(ms=500)
    assert leases.acquire("sku-1") is not None


def test_what_cannot_be_read_is_not_taken_for_free(leases, disk):
    disk.refuses = "read"
    with pytest.raises(PermissionError):
        leases.acquire("sku-1")


def test_a_sweep_deletes_what_dead_holders_left_and_nothing_else(leases, tmp_path, up):
    taken(leases, "ended")
    up.advance(ms=TTL_MS)
    held = taken(leases, "held")
    taken(leases, "torn")
    for path in lease_files(tmp_path):
        found = decode(path.read_bytes())
        if found is not None and found.key == "torn":
            path.write_bytes(b"{")
    (tmp_path / f"{'ab' * 16}.tmp").write_bytes(b"")
    (tmp_path / "append").write_bytes(b"")
    leases.sweep()
    assert [decode(path.read_bytes()) for path in lease_files(tmp_path) if path.suffix] == [held]
    assert (tmp_path / "append").exists()


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
