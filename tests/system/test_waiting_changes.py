"""Changes that wait for their commit, more than there are threads, while another process has the append lock."""

import fcntl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from support.client import adjust, record_path, stock
from support.running_server import assert_whole
from support.waiting import until

MANY = 40
READS = (record_path("sku"), "/stores", "/health", "/health/readiness")


@contextmanager
def held(data_dir: Path) -> Iterator[None]:
    with open(data_dir / "locks" / "append") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_they_hold_no_thread_and_all_are_answered_when_the_lock_is_free(serve):
    server = serve(THREADS=2, WEB_CONCURRENCY=1, COMMIT_WAIT_MS=30_000)
    with server.client() as client, ThreadPoolExecutor(MANY) as pool:
        for number in range(MANY):
            stock(client, f"sku-{number}", 10)
        stock(client, "sku", 10)

        def change(number: int) -> int:
            with server.client() as own:
                return adjust(own, f"sku-{number}", -1).status

        with held(server.data_dir):
            # One is taken up and waits for the lock; the others are in the queue, and none has a thread.
            changes = [pool.submit(change, number) for number in range(MANY)]
            until("all wait", lambda: client.get("/health/readiness").json["queueDepth"] == MANY - 1)
            assert [client.get(path).status for path in READS] == [200] * len(READS)
            # A read that waited for a thread of theirs would have waited until they were given up.
            assert not any(one.done() for one in changes)

        assert [one.result(30) for one in changes] == [200] * len(changes)
    assert_whole(server.data_dir)


def test_those_whose_time_is_over_are_refused_and_never_happen(serve):
    server = serve(THREADS=2, WEB_CONCURRENCY=1, COMMIT_WAIT_MS=200)
    with server.client() as client, ThreadPoolExecutor(MANY) as pool:
        stock(client, "sku", 1000)

        def change(_: int) -> tuple[int, str, str]:
            with server.client() as own:
                answer = adjust(own, "sku", -1)
                return answer.status, answer.json["error"], answer.json["outcome"]

        with held(server.data_dir):
            answers = list(pool.map(change, range(MANY)))

        assert set(answers) == {(503, "overloaded", "none")}
        assert adjust(client, "sku", -1).json["qty"] == 999
    assert_whole(server.data_dir)
