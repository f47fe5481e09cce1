"""A disk that fills up under load, and has space again."""

import json
import subprocess
from pathlib import Path

import pytest
from support.client import adjust, record_path, stock
from support.disks import fill, mounted
from support.load import PLENTY, Account, Change, assert_exactly_once, under_load
from support.running_server import SERVE, assert_whole
from support.waiting import until


@pytest.fixture
def small_disk(tmp_path):
    with mounted(tmp_path / "disk", "size=2m") as disk:
        yield disk


def test_a_full_disk_stops_changes_but_neither_reads_nor_workers_and_room_brings_changes_back(small_disk, serve):
    server = serve(at=small_disk / "data", SYNC_INTERVAL_MS=100, BREAKER_THRESHOLD=100_000)
    workers, account = server.workers(), Account()
    with server.client() as client:
        stock(client, "sku-1", PLENTY)
        client.post("/sync")
    published = (server.data_dir / "store-inventory.json").read_bytes()
    # Connected before the load: for that one worker stands still, and under load it might do so with the lock.
    with (
        server.clients_of_all() as clients,
        under_load(server, account=account, name="load", skus=["sku-1"]) as load,
    ):
        load.until_confirmed(20)
        ballast = fill(small_disk)
        until("changes are refused", lambda: len(account.refused) > 100)
        for client in clients:
            version = client.get(record_path("sku-1")).json["version"]
            answer = adjust(client, "sku-1", 1, "after")
            told = (answer.status, answer.json["error"], answer.json["outcome"])
            assert told == (503, "storage_unavailable", "none")
            assert int(answer.headers["retry-after"]) >= 1
            assert client.get(record_path("sku-1")).json["version"] >= version
            assert client.get("/stores").status == 200
            assert client.get("/health").status == 200
        seen = (server.data_dir / "store-inventory.json").read_bytes()
        assert json.loads(seen)["asOfSequence"] >= json.loads(published)["asOfSequence"]
        ballast.unlink()
        load.until_confirmed(100)

    assert {(body["error"], body["outcome"]) for body in account.refused.values()} == {("storage_unavailable", "none")}
    assert server.workers() == workers
    assert_exactly_once(server.data_dir, account, lambda sku: server.get(record_path(sku)))
    sequence = server.get(record_path("sku-1"))["sequence"]
    until(
        "the views follow again",
        lambda: json.loads((server.data_dir / "central-inventory.json").read_bytes())["asOfSequence"] >= sequence,
    )
    assert [path.name for path in server.data_dir.glob(".*")] == []
    assert_whole(server.data_dir)


def test_whatever_part_of_a_batch_a_full_disk_took_no_refused_change_is_in_the_log(small_disk, serve):
    server, account = serve(at=small_disk / "data", THREADS=16), Account()
    with server.client() as client:
        stock(client, "sku-1", PLENTY)
    with under_load(server, account=account, name="load", skus=["sku-1"]) as load:
        for _ in range(12):
            refused = len(account.refused)
            ballast = fill(small_disk)
            until("changes are refused", lambda before=refused: len(account.refused) > before + 30)
            ballast.unlink()
            load.until_confirmed(30)

    assert_exactly_once(server.data_dir, account, lambda sku: server.get(record_path(sku)))
    assert_whole(server.data_dir)


def test_a_server_starts_on_a_full_disk_and_answers_reads(small_disk, serve):
    server = serve(at=small_disk / "data")
    with server.client() as client:
        stock(client, "sku-1", 5)
    assert server.end() == 0
    ballast = fill(small_disk)

    server.restart()

    assert server.get(record_path("sku-1"))["qty"] == 5
    with server.client() as client:
        until("a change is refused", lambda: adjust(client, "sku-1", 1).status == 503)
        qty = client.get(record_path("sku-1")).json["qty"]
        ballast.unlink()
        assert adjust(client, "sku-1", 1).json["qty"] == qty + 1
    assert_whole(server.data_dir)


def test_with_the_breaker_as_it_comes_a_full_disk_loses_nothing_and_needs_no_restart_either(small_disk, serve):
    server, account = serve(at=small_disk / "data"), Account()
    workers = server.workers()
    with server.client() as client:
        stock(client, "sku-1", PLENTY)
    with server.clients_of_all() as clients, under_load(server, account=account, name="load", skus=["sku-1"]) as load:
        load.until_confirmed(20)
        ballast = fill(small_disk)
        until("the breaker is open", lambda: "read_only" in {body["error"] for body in account.refused.values()})
        assert [client.get(record_path("sku-1")).status for client in clients] == [200, 200]
        ballast.unlink()
        load.until_confirmed(100)

    assert server.workers() == workers
    refusals = {(body["error"], body["outcome"]) for body in account.refused.values()}
    assert refusals == {("storage_unavailable", "none"), ("read_only", "none")}
    assert_exactly_once(server.data_dir, account, lambda sku: server.get(record_path(sku)))
    assert_whole(server.data_dir)


def test_a_full_disk_under_the_leases_refuses_changes_for_certain_and_room_brings_them_back(small_disk, serve):
    server, account = serve(LOCKS_ENABLED="true", LOCK_DIR=small_disk / "leases", BREAKER_THRESHOLD=100_000), Account()
    workers = server.workers()
    with server.clients_of_all() as clients:
        stock(clients[0], "sku-1", PLENTY)
        ballast = fill(small_disk)
        for number, client in enumerate(clients):
            change = Change(f"full-{number}", "sku-1", 1)
            answer = adjust(client, *change[1:], change.key)
            assert (answer.status, answer.json["error"]) == (503, "storage_unavailable")
            account.note(change, answer)
            assert client.get(record_path("sku-1")).status == 200
        ballast.unlink()
        for number, client in enumerate(clients):
            change = Change(f"room-{number}", "sku-1", 1)
            account.note(change, adjust(client, *change[1:], change.key))

    assert server.workers() == workers
    assert len(account.confirmed) == len(account.refused) == 2
    assert_exactly_once(server.data_dir, account, lambda sku: server.get(record_path(sku)))
    assert_whole(server.data_dir)


def test_full_shared_memory_ends_no_worker_whatever_is_counted(serve):
    own_memory = 'mount -t tmpfs -o size=2m tmpfs /dev/shm && exec "$0" "$@"'
    in_it = ("unshare", "--mount", "sh", "-c")
    if subprocess.run([*in_it, own_memory, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no shared memory of its own can be mounted for a server here")
    server = serve(command=(*in_it, own_memory, *SERVE))
    workers = server.workers()
    paths = ("/none", "/health", record_path("sku-1"), f"{record_path('sku-1')}/adjust", "/stores?limit=0")
    with server.clients_of_all() as clients:
        fill(Path(f"/proc/{server.master}/root/dev/shm"))
        for client in clients:
            # Each method with each status is a counter of its own.
            for method in ("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"):
                for path in paths:
                    assert client.request(method, path, {"onHand": 1} if method in ("PUT", "POST") else None).status
            assert adjust(client, "sku-1", 1).status == 200
            assert client.get("/metrics").json["requests"] > 40

    assert server.workers() == workers
    assert_whole(server.data_dir)
