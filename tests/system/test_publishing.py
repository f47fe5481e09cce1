"""The published files and the central view, over several workers and servers."""

import json
import os
import signal
from contextlib import ExitStack

import pytest
from support.client import adjust, stock
from support.load import PLENTY, Account, under_load
from support.processes import freeze_holder
from support.running_server import RunningServer, assert_whole
from support.views import FILES, published
from support.waiting import Stopwatch, until


def test_the_central_view_of_the_other_server_follows_a_commit(two_servers):
    first, second = two_servers
    lags = []
    with first.client() as one, second.clients_of_all() as others:
        stock(one, "sku-1", 100)
        for turn in range(20):
            sequence = adjust(one, "sku-1", 1).json["sequence"]
            other, since = others[turn % 2], Stopwatch()

            def followed(other=other, sequence=sequence) -> bool:
                answer = other.get("/central/inventory/sku-1")
                return answer.status == 200 and answer.json["asOfSequence"] >= sequence

            until("the central view follows", followed)
            lags.append(since.seconds)
        assert other.get("/central/inventory/sku-1").json["qty"] == 120
    print(f"central view: at most {max(lags) * 1000:.0f} ms behind")


def test_after_a_sync_on_any_worker_of_any_server_the_files_hold_everything_committed_before(two_servers):
    folder = two_servers[0].data_dir
    with ExitStack() as stack:
        clients = [client for server in two_servers for client in stack.enter_context(server.clients_of_all())]
        stock(clients[0], "sku-1", 100)
        for turn in range(12):
            # The commit through one worker, the sync at once through another.
            after = adjust(clients[turn % 4], "sku-1", 1).json
            answer = clients[(turn + 1 + turn // 4) % 4].post("/sync")
            assert answer.status == 200
            assert answer.json["asOfSequence"] >= after["sequence"]
            assert published(folder) >= after["sequence"]
            stores = json.loads((folder / FILES[0]).read_bytes())["records"]
            central = json.loads((folder / FILES[1]).read_bytes())["skus"]
            assert (stores[0]["qty"], stores[0]["version"]) == (after["qty"], after["version"])
            assert central[0]["qty"] == after["qty"]
        status = clients[3].get("/sync/status").json
        assert (status["asOfSequence"], status["pendingEvents"]) == (after["sequence"], 0)
    assert_whole(folder)


def test_the_files_follow_by_themselves(serve):
    server = serve(SYNC_INTERVAL_MS=100)
    with server.client() as client:
        sequence = stock(client, "sku-1", 1)["sequence"]
    until("both files hold it", lambda: published(server.data_dir) >= sequence)


@pytest.mark.parametrize("first", [0, 1])
def test_whichever_worker_dies_the_other_goes_on_publishing(serve, first):
    server = serve(SYNC_INTERVAL_MS=100)
    with server.client() as client:
        stock(client, "sku-1", 1)
    victim = server.workers()[first]
    with server.client_of(server.other(victim)) as client:
        os.kill(victim, signal.SIGKILL)
        since = Stopwatch()
        sequence = adjust(client, "sku-1", 1).json["sequence"]
        until("both files hold it", lambda: published(server.data_dir) >= sequence)
    print(f"published {since.seconds:.2f} s after the kill")


def test_a_publisher_killed_at_work_is_followed_by_another_and_leaves_whole_files(serve):
    server: RunningServer = serve(SYNC_INTERVAL_MS=1)
    account = Account()
    with server.client() as client:
        for number in range(200):
            stock(client, f"sku-{number}", PLENTY)
        client.post("/sync")
    with under_load(server, account=account, name="load", skus=["sku-0", "sku-1"]) as load:
        for _ in range(2):
            victim = freeze_holder(server.workers(), server.data_dir / "locks" / "publish")
            assert published(server.data_dir) > 0
            os.kill(victim, signal.SIGKILL)
            since = Stopwatch()
            load.until_confirmed(20)
            sequence = server.get("/sync/status")["asOfSequence"] + server.get("/sync/status")["pendingEvents"]
            until("another publishes", lambda wanted=sequence: published(server.data_dir) >= wanted)
            print(f"another published {since.seconds:.2f} s after the publisher was killed at work")
            server.until_replaced(victim)
    server.end()
    assert_whole(server.data_dir)
    # A worker that is ended in the middle of a pass leaves its file too; the next pass removes it.
    server.restart()
    with server.client() as client:
        adjust(client, "sku-0", 1)
        client.post("/sync")
    server.end()
    assert [path.name for path in server.data_dir.glob(".*")] == []
