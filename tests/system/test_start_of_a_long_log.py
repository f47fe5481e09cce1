"""A real server on a long log: how much of it each of its processes reads."""

import os
import signal
from pathlib import Path

import pytest
from bench.made_log import make_log
from support.client import adjust, record_path
from support.running_server import Serve, assert_whole

EVENTS = 60_000


def bytes_read(pid: int) -> int:
    """What a process has asked files for since it was made: modules too, some megabytes."""
    fields = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(fields["rchar"])


@pytest.fixture
def long_log(data_dir: Path) -> int:
    """A log of 100 records in the server's folder; its size in bytes."""
    make_log(data_dir, 100, EVENTS, (-1, -2, -3))
    return sum(path.stat().st_size for path in (data_dir / "events").iterdir())


def test_a_start_reads_the_log_once_and_a_worker_that_comes_later_reads_it_for_itself(serve: Serve, long_log: int):
    server = serve(SNAPSHOT_EVERY_N_EVENTS=10 * EVENTS)
    first, second = server.workers()
    with server.clients_of_all() as clients:
        assert [client.get(record_path("sku-0")).status for client in clients] == [200, 200]
    assert bytes_read(server.master) > long_log
    assert max(bytes_read(first), bytes_read(second)) < long_log / 2
    with server.client_of(first) as client:
        assert adjust(client, "sku-0", 1).status == 200

    os.kill(first, signal.SIGKILL)
    server.until_replaced(first)

    third = next(pid for pid in server.workers() if pid != second)
    with server.client_of(third) as client:
        record = client.get(record_path("sku-0")).json
    with server.client_of(second) as client:
        assert client.get(record_path("sku-0")).json == record
    assert record["sequence"] == EVENTS + 1
    assert bytes_read(third) > long_log
    assert_whole(server.data_dir)
