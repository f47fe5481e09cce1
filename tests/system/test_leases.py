"""A real server with LOCKS_ENABLED: many changes of one SKU at once, kills, and an orderly end."""

import fcntl
import os
import signal
from functools import partial

from support.client import Answer, Client, adjust, record_path, stock
from support.load import PLENTY, Account, Change, Load, assert_exactly_once
from support.parallel import run_parallel
from support.running_server import RunningServer, assert_whole
from support.waiting import until

CHANGES = 200
CLIENTS = 32
TTL_MS = 2000


def adjust_once(server: RunningServer, account: Account, change: Change) -> Answer:
    with server.client() as client:
        answer = adjust(client, change.sku, change.delta, change.key)
    account.note(change, answer)
    return answer


def carried_out(client: Client, change: Change) -> Answer | None:
    answer = adjust(client, change.sku, change.delta, change.key)
    if answer.status == 200:
        return answer
    assert (answer.json["error"], answer.json["outcome"]) == ("lock_contended", "none"), answer
    return None


def test_of_200_parallel_adjusts_of_one_sku_some_are_refused_and_none_is_lost(serve):
    server = serve(LOCKS_ENABLED="true", LOCK_RETRY_AFTER_MS=1200)
    account = Account()
    with server.client() as client:
        stock(client, "sku-1", PLENTY)
        changes = [Change(f"key-{number}", "sku-1", (-2, -1, 3)[number % 3]) for number in range(CHANGES)]
        tasks = [partial(adjust_once, server, account, change) for change in changes]

        answers = run_parallel(tasks, at_once=CLIENTS)

        refused = [answer for answer in answers if answer.status != 200]
        assert refused, "no request met another one"
        for answer in refused:
            assert (answer.status, answer.json["error"], answer.json["outcome"]) == (503, "lock_contended", "none")
            assert (answer.headers["retry-after"], answer.headers["x-lock-key"]) == ("2", "sku-1")
        first = len(account.confirmed)
        assert first == CHANGES - len(refused) > 0
        # One after another, as clients do who come back later: now every one gets through.
        for change in list(account.refused):
            account.note(change, until(f"{change.key} gets through", partial(carried_out, client, change)))
    print(f"{first} got through at the first attempt, {len(refused)} were refused")
    assert_exactly_once(server.data_dir, account, lambda sku: server.get(record_path(sku)))
    figures = server.get("/metrics")
    assert figures["lockAcquired"] == CHANGES + 1
    assert figures["lockContended"] >= len(refused)
    assert [figures[name] for name in ("lockStolen", "lockExpired", "lockLost", "lockReleaseFailures")] == [0] * 4
    assert server.lease_files() == []
    assert_whole(server.data_dir)


def test_after_sigterm_under_load_no_lease_is_left_and_every_begun_change_is_answered(serve):
    server = serve(LOCKS_ENABLED="true")
    skus = [f"sku-{number}" for number in range(4)]
    with server.client() as client:
        for sku in skus:
            stock(client, sku, PLENTY)
    account = Account()
    load = Load([server], account, "load", skus, persistent=False)
    load.until_confirmed(200)
    until("a lease is held", server.lease_files, pause=0)
    status = server.end(signal.SIGTERM)
    load.join()

    assert (status, server.lease_files()) == (0, [])
    server.restart()
    with server.client() as client:
        account.settle(client)
    assert_exactly_once(server.data_dir, account, lambda sku: server.get(record_path(sku)))


def test_the_lease_of_a_killed_worker_ends_by_itself_and_is_taken_over(serve):
    server = serve(LOCKS_ENABLED="true", LOCK_TTL_MS=TTL_MS)
    with server.client() as client:
        stock(client, "sku-1", PLENTY)
    account = Account()
    with (server.data_dir / "locks" / "append").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        load = Load([server], account, "load", ["sku-1"], clients=4, persistent=False)
        until("a lease is held", server.lease_files)
        load.let_end()
        for worker in server.workers():
            os.kill(worker, signal.SIGKILL)
    load.join()
    assert len(server.lease_files()) == 1
    with server.client() as client:

        def goes_through() -> bool:
            return adjust(client, "sku-1", 1, "after").status == 200

        until("the lease has ended", goes_through, pause=0.05)
    assert server.get("/metrics")["lockStolen"] == 1
    assert server.lease_files() == []
