"""``inventory worker`` beside servers that only answer requests (``SYNC_MODE=off``)."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.client import adjust, record_path, stock
from support.load import PLENTY, Account, assert_exactly_once, logged_lines, under_load
from support.processes import freeze_holder
from support.running_server import RunningServer, assert_whole
from support.running_sync_worker import RunningWorker
from support.views import published
from support.waiting import until

from inventory.eventlog.shared_header import Position, SharedHeader
from inventory.resilience.host_clock import HostClock

DAY_MS = 86_400_000


@pytest.fixture
def work(tmp_path: Path, data_dir: Path) -> Iterator[Callable[..., RunningWorker]]:
    """Start workers on ``data_dir``, with settings by their variables' names."""
    workers: list[RunningWorker] = []

    def start(**given: object) -> RunningWorker:
        worker = RunningWorker(data_dir, tmp_path, **given)
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        worker.kill()


@pytest.fixture
def api(serve) -> RunningServer:
    return serve(SYNC_MODE="off")


def committed(server: RunningServer) -> int:
    return int(logged_lines(server.data_dir)[-1]["sequence"])


def test_it_publishes_and_takes_snapshots_for_servers_that_do_not(api, work):
    work(SYNC_MODE="off", SYNC_INTERVAL_MS=100, SNAPSHOT_EVERY_N_EVENTS=20)
    with api.client() as client:
        stock(client, "sku-1", 100)
        for _ in range(30):
            sequence = adjust(client, "sku-1", 1).json["sequence"]

    until("both files hold it", lambda: published(api.data_dir) >= sequence)
    until("there is a snapshot", lambda: list((api.data_dir / "snapshots").glob("central-*.jsonl")))


def test_servers_alone_publish_on_demand_only(api):
    with api.client() as client:
        sequence = stock(client, "sku-1", 100)["sequence"]
        assert published(api.data_dir) == -1
        assert client.get("/health/readiness").json["syncAgeMs"] is None
        assert client.post("/sync").json["asOfSequence"] == sequence
        assert (published(api.data_dir), client.get("/health/readiness").json["syncAgeMs"]) == (sequence, 0)


def test_readiness_of_a_server_tells_of_the_publications_of_a_worker(api, work):
    work(SYNC_INTERVAL_MS=100)
    with api.client() as client:
        stock(client, "sku-1", 100)
        until("nothing is behind", lambda: client.get("/health/readiness").json["syncAgeMs"] == 0)


def test_one_that_is_killed_is_followed_by_the_next_and_nothing_is_lost(api, work):
    account = Account()
    with api.client() as client:
        stock(client, "sku-1", PLENTY)
    with under_load(api, account=account, name="load", skus=["sku-1"]) as load:
        for _ in range(3):
            worker = work(SYNC_INTERVAL_MS=1, SNAPSHOT_EVERY_N_EVENTS=20)
            load.until_confirmed(50)
            freeze_holder([worker.pid], api.data_dir / "locks" / "publish")
            os.kill(worker.pid, signal.SIGKILL)
    last = work(SYNC_INTERVAL_MS=1)
    until("both files hold everything", lambda: published(api.data_dir) == committed(api))

    assert last.end() == 0
    assert_exactly_once(api.data_dir, account, lambda sku: api.get(record_path(sku)))
    assert_whole(api.data_dir)


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_publishes_everything_and_ends_with_status_0(api, work, with_signal):
    worker = work(SYNC_INTERVAL_MS=DAY_MS)
    until("the first pass", lambda: published(api.data_dir) == 0)
    with api.client() as client:
        stock(client, "sku-1", 1)

    status = worker.end(with_signal)

    assert (status, published(api.data_dir)) == (0, committed(api))
    assert [line["asOfSequence"] for line in worker.said("published for the last time")] == [committed(api)]


def test_it_says_at_its_start_what_it_does(api, work):
    line = work(SNAPSHOT_EVERY_N_EVENTS=77).said("working")[0]
    assert {"sync", "maintenance"} <= set(line["does"])
    assert (line["dataDir"], line["snapshotEveryNEvents"]) == (str(api.data_dir), 77)


def test_of_two_workers_one_at_a_time_publishes_and_the_other_follows_it(api, work):
    workers = {worker.pid: worker for worker in (work(SYNC_INTERVAL_MS=1), work(SYNC_INTERVAL_MS=1))}
    account = Account()
    with api.client() as client:
        for number in range(200):
            stock(client, f"sku-{number}", PLENTY)
    with under_load(api, account=account, name="load", skus=["sku-1"]) as load:
        holder = freeze_holder(list(workers), api.data_dir / "locks" / "publish")
        before = published(api.data_dir)
        load.until_confirmed(50)
        assert published(api.data_dir) == before
        os.kill(holder, signal.SIGKILL)
        until("the other publishes", lambda: published(api.data_dir) > before)
    other = next(worker for pid, worker in workers.items() if pid != holder)

    assert (other.end(), published(api.data_dir)) == (0, committed(api))
    assert_whole(api.data_dir)


def test_when_its_log_is_cut_it_ends_with_status_1_and_says_so(api, work):
    with api.client() as client:
        for sku in ("sku-1", "sku-2"):
            stock(client, sku, 1)
    worker = work(SYNC_INTERVAL_MS=1)
    until("the worker has read both", lambda: published(api.data_dir) == 2)
    api.end()
    segment = next((api.data_dir / "events").glob("*.jsonl"))
    first, _ = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(first)

    # As a start does that finds the log to end there.
    marks = SharedHeader(api.data_dir / "locks" / "state")
    marks.make(HostClock().boot_id(), Position(1, len(first), 1), marks.clock_offset)
    marks.close()

    assert worker.status() == 1
    assert "this worker can no longer follow the log" in worker.stderr.read_text()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_api_beside_a_worker_that_is_always_busy(api, work):
    with api.client() as client:
        for number in range(2000):
            stock(client, f"sku-{number}", PLENTY)
    skus = [f"sku-{number}" for number in range(2000)]
    for turn in range(6):
        worker = work(SYNC_INTERVAL_MS=1, SNAPSHOT_EVERY_N_EVENTS=1) if turn % 2 else None
        account, before = Account(), len(posts(api))
        with under_load(api, account=account, name=f"load-{turn}", skus=skus) as load:
            load.until_confirmed(5000)
        assert worker is None or worker.end() == 0
        took = sorted(line["durationMs"] for line in posts(api)[before:])
        p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
        print(f"{'a busy worker' if worker else 'no worker'}: {len(took)} changes, p50 {p50} ms, p99 {p99} ms")


def posts(server: RunningServer) -> list[dict[str, Any]]:
    return [line for line in server.log_lines() if line.get("method") == "POST"]
