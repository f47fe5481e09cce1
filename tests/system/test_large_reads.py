"""Many large reads at once on a running server: its memory stays bounded, and changes and small reads go on."""

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.client import adjust, record_path, stock
from support.running_server import RunningServer
from support.waiting import until

STORES = 30_000
AT_ONCE = 500
READERS = 32
PATH = "/inventory/wide"
PAGE = 4 * 1024 * 1024


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a SKU in 30,000 stores, which is a little more than a page."""
    folder = tmp_path_factory.mktemp("wide")
    # Patient while it is filled, beside other tests.
    server = RunningServer(folder / "data", folder, COMMIT_WAIT_MS="60000")
    try:
        server.start()
        with server.client() as client:
            stock(client, "sku-1", 1000)
            for first in range(0, STORES, AT_ONCE):
                operations = [
                    {"op": "count", "storeId": f"store-of-a-chain-{number:06d}", "sku": "wide", "onHand": 5}
                    for number in range(first, first + AT_ONCE)
                ]
                answer = client.post("/inventory/batch", {"atomic": True, "operations": operations})
                assert answer.status == 200, answer
        yield server
    finally:
        server.close()


def peak_bytes(server: RunningServer) -> int:
    """The most that each worker has ever had in memory, added up."""
    told = [Path(f"/proc/{worker}/status").read_text() for worker in server.workers()]
    return sum(int(re.search(r"VmHWM:\s+(\d+) kB", one)[1]) * 1024 for one in told)


def test_32_large_reads_at_once_take_bounded_memory_and_changes_and_small_reads_go_on(wide: RunningServer):
    with wide.client() as client:
        assert client.get(PATH).json["nextCursor"] is not None
        before = peak_bytes(wide)

    def read(_: int) -> list[tuple[int, int]]:
        with wide.client(timeout=60) as reader:
            answers = [reader.get(PATH) for _ in range(4)]
        return [(answer.status, len(answer.body)) for answer in answers]

    with ThreadPoolExecutor(READERS) as readers, wide.client(timeout=60) as client:
        reading = [readers.submit(read, number) for number in range(READERS)]
        others = [(adjust(client, "sku-1", -1).status, client.get(record_path("sku-1")).status) for _ in range(40)]
        found = [answer for one in reading for answer in one.result()]

    assert others == [(200, 200)] * 40
    assert {status for status, _ in found} <= {200, 503}
    assert all(PAGE * 0.9 < size <= PAGE for status, size in found if status == 200)
    # Two at work in each worker, and what waits to be sent; each such read for itself would be some 40 MiB.
    assert peak_bytes(wide) - before < READERS * PAGE
    assert wide.get("/metrics")["unsentBytes"] == 0


def test_a_client_that_reads_a_page_in_small_sips_gets_all_of_it_and_others_are_answered(wide: RunningServer):
    with wide.client() as client:
        whole = client.get(PATH).body
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        slow.settimeout(20)
        slow.connect(("127.0.0.1", wide.port))
        slow.sendall(f"GET {PATH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        received, sips = bytearray(), 0
        while part := slow.recv(16_384):
            received += part
            sips += 1
            if sips % 100 == 0:
                with wide.client(timeout=20) as client:
                    assert client.get(record_path("sku-1")).status == 200
    assert received.partition(b"\r\n\r\n")[2] == whole
    until("nothing waits any more", lambda: wide.get("/metrics")["unsentBytes"] == 0)
