"""SIGTERM and SIGINT: requests under way are answered, their changes are kept and published, the status is 0."""

import fcntl
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.client import Client, Unanswered, adjust, record_path, stock
from support.load import PLENTY, Account, Load, assert_exactly_once, logged_lines
from support.processes import holds_lock, is_alive
from support.running_server import RunningServer, assert_whole
from support.views import published
from support.waiting import Stopwatch, until

ROUNDS = 50
DAY_MS = 86_400_000
SKUS = [f"sku-{number}" for number in range(8)]
SIGNALS = (signal.SIGTERM, signal.SIGINT)
ENDINGS = pytest.mark.parametrize("with_signal", SIGNALS)


def ended_under_load(server: RunningServer, with_signal: int) -> Account:
    """Put the server under load, end it with a signal, and return what its clients know."""
    with server.client() as client:
        for sku in SKUS:
            stock(client, sku, PLENTY)
    account = Account()
    end_under_load(server, with_signal, account, "load")
    return account


def end_under_load(server: RunningServer, with_signal: int, account: Account, name: str) -> float:
    """Have sixteen clients change stock, end the server meanwhile; returns how many seconds its end took."""
    load = Load([server], account, name, SKUS, persistent=False)
    load.until_confirmed(200)
    since = Stopwatch()
    assert server.end(with_signal) == 0
    took = since.seconds
    load.join()
    return took


def last_committed(server: RunningServer) -> int:
    return int(logged_lines(server.data_dir)[-1]["sequence"])


@contextmanager
def append_lock_held(data_dir: Path) -> Iterator[None]:
    """Let no change be committed inside the ``with`` block."""
    with (data_dir / "locks" / "append").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def change_waits(server: RunningServer) -> bool:
    """Whether a committing thread has a change and waits for the append lock."""
    return any(holds_lock(worker, server.data_dir / "locks" / "append-turn") for worker in server.workers())


def refused(server: RunningServer) -> bool:
    try:
        with server.client(timeout=30) as client:
            client.get("/health")
    except Unanswered as error:
        return isinstance(error.__cause__, ConnectionRefusedError)
    return False


@pytest.mark.both_worker_classes
@ENDINGS
def test_a_server_that_is_told_to_end_under_load_ends_with_status_0_and_keeps_every_answered_change(
    server, with_signal
):
    account = ended_under_load(server, with_signal)
    server.restart()
    with server.client() as client:
        account.settle(client)
    assert_exactly_once(server.data_dir, account, lambda sku: server.get(record_path(sku)))
    assert_whole(server.data_dir)


@pytest.mark.both_worker_classes
@ENDINGS
def test_every_change_that_was_begun_has_been_answered(server, with_signal):
    account = ended_under_load(server, with_signal)
    committed = {line["idempotency"]["key"] for line in logged_lines(server.data_dir) if line.get("idempotency")}
    assert committed == {change.key for change in account.confirmed}


@pytest.mark.both_worker_classes
@ENDINGS
def test_every_answered_request_has_its_line_in_the_log(server, with_signal):
    account = ended_under_load(server, with_signal)
    answered = [line for line in server.log_lines() if line.get("logger") == "inventory.request"]
    assert [line["status"] for line in answered if line["method"] == "POST"].count(200) == len(account.confirmed)


@pytest.mark.both_worker_classes
@ENDINGS
def test_the_views_hold_everything_that_was_committed_and_no_lease_is_left(serve, with_signal):
    server = serve(SYNC_INTERVAL_MS=DAY_MS, LOCKS_ENABLED="true")
    ended_under_load(server, with_signal)
    assert (published(server.data_dir), server.lease_files()) == (last_committed(server), [])


def test_servers_that_leave_the_sync_to_others_do_not_publish_at_their_end(serve):
    server = serve(SYNC_MODE="off")
    ended_under_load(server, signal.SIGTERM)
    assert published(server.data_dir) == -1


@pytest.mark.parametrize("worker_class", ["gthread"])
def test_on_gthread_a_client_that_comes_after_the_signal_is_answered_or_gets_nothing(serve):
    server = serve(COMMIT_WAIT_MS=60_000)
    with server.client() as client, server.client() as late, ThreadPoolExecutor(2) as pool:
        stock(client, "sku-1", 1)
        with append_lock_held(server.data_dir):
            change = pool.submit(adjust, client, "sku-1", 1)
            until("the change waits", lambda: change_waits(server))
            os.kill(server.master, signal.SIGTERM)
            until("the idle worker has ended", lambda: len(server.workers()) == 1)
            read = pool.submit(late.get, "/health")
        assert change.result().status == 200
        assert isinstance(read.exception(), Unanswered) or read.result().status == 200
    assert server.end() == 0


@ENDINGS
def test_a_client_that_comes_after_the_signal_is_refused_at_once(serve, with_signal):
    server = serve(COMMIT_WAIT_MS=60_000)
    with server.client() as client, ThreadPoolExecutor(1) as pool:
        stock(client, "sku-1", 1)
        with append_lock_held(server.data_dir):
            change = pool.submit(adjust, client, "sku-1", 1)
            until("the change waits", lambda: change_waits(server))

            os.kill(server.master, with_signal)

            until("a new client is refused", lambda: refused(server))
            assert is_alive(server.master)
            assert not change.done()
        assert change.result().status == 200
    assert server.end() == 0


@pytest.mark.both_worker_classes
def test_idle_and_silent_connections_do_not_hold_the_end_up(serve):
    # A grace that is longer than this test waits for the end.
    server = serve(COMMIT_WAIT_MS=120_000)
    silent = [Client(server.port) for _ in range(3)]
    for client in silent:
        client.connect()
    with server.clients_of_all():
        assert server.end(within=60) == 0
    for client in silent:
        client.close()


@pytest.mark.both_worker_classes
def test_a_lone_worker_that_is_told_to_end_loses_nothing_and_the_other_serves_on(serve):
    server = serve(SYNC_INTERVAL_MS=DAY_MS)
    account = Account()
    with server.client() as client:
        stock(client, "sku-1", PLENTY)
    victim = server.workers()[0]
    load = Load([server], account, "load", ["sku-1"], persistent=True)
    load.until_confirmed(100)
    os.kill(victim, signal.SIGTERM)
    server.until_replaced(victim)
    load.until_confirmed(100)
    load.stop()
    server.end()
    assert published(server.data_dir) == last_committed(server)
    server.restart()
    assert_exactly_once(server.data_dir, account, lambda sku: server.get(record_path(sku)))


@pytest.mark.both_worker_classes
def test_a_worker_that_is_being_replaced_does_not_hold_the_end_up(serve):
    server = serve(COMMIT_WAIT_MS=120_000)
    victim = server.workers()[0]
    os.kill(victim, signal.SIGKILL)
    until("another one is begun", lambda: set(server.workers()) - {victim, server.other(victim)})
    assert server.end(within=60) == 0


@pytest.mark.parametrize("then", [signal.SIGINT, signal.SIGQUIT])
def test_a_second_signal_ends_it_quickly(serve, then):
    server = serve(COMMIT_WAIT_MS=120_000)
    with server.client() as client, ThreadPoolExecutor(1) as pool:
        stock(client, "sku-1", 1)
        with append_lock_held(server.data_dir):
            change = pool.submit(adjust, client, "sku-1", 1)
            until("the change waits", lambda: change_waits(server))
            os.kill(server.master, signal.SIGTERM)
            until("a new client is refused", lambda: refused(server))
            assert server.end(then, within=60) == 0
        assert isinstance(change.exception(), Unanswered)
    assert_whole(server.data_dir)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_fifty_ends_under_load_lose_nothing_and_leave_nothing(serve):
    server = serve(SYNC_INTERVAL_MS=DAY_MS, LOCKS_ENABLED="true")
    account, took = Account(), []
    with server.client() as client:
        for sku in SKUS:
            stock(client, sku, PLENTY)
    for turn in range(ROUNDS):
        took.append(end_under_load(server, SIGNALS[turn % 2], account, f"load-{turn}"))
        assert (published(server.data_dir), server.lease_files()) == (last_committed(server), [])
        server.restart()
        with server.client() as client:
            account.settle(client)
    assert_exactly_once(server.data_dir, account, lambda sku: server.get(record_path(sku)))
    assert_whole(server.data_dir)
    print(f"{ROUNDS} ends, {len(account.confirmed)} changes, the longest end {max(took):.2f} s")
