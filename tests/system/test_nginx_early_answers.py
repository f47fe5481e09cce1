"""Behind nginx, clients whose long bodies are refused for their head cost the others nothing."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from support.client import adjust, record_path, stock
from support.parallel import run_parallel
from support.running_nginx import NEEDS_NGINX, Proxy, RunningNginx
from support.running_server import RunningServer

pytestmark = NEEDS_NGINX
LONG_TEXT = b"x" * 111_000
SENDERS, OTHERS = 2, 4


@contextmanager
def senders(nginx: RunningNginx) -> Iterator[Counter[int]]:
    """Two clients that send long bodies of a type that is not taken, one after the other; yields their answers."""
    answers: Counter[int] = Counter()
    over = threading.Event()

    def send() -> None:
        with nginx.client() as client:
            while not over.is_set():
                answers[client.post("/inventory/batch", LONG_TEXT, Content_Type="text/plain").status] += 1

    threads = [threading.Thread(target=send, daemon=True) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join(30)


def answers_of_the_others(nginx: RunningNginx, goes_on: Callable[[int], bool]) -> Counter[int]:
    """What changes and reads get, in turn, from clients that send them as long as ``goes_on(sent by this one)``."""
    found: Counter[int] = Counter()

    def use() -> None:
        own: Counter[int] = Counter()
        with nginx.client() as client:
            while goes_on(own.total()):
                own[adjust(client, "sku-1", 1).status] += 1
                own[client.get(record_path("sku-1")).status] += 1
        found.update(own)

    run_parallel([use] * OTHERS, at_once=OTHERS)
    return found


def run(server: RunningServer, proxy: Proxy, goes_on: Callable[[int], bool]) -> tuple[Counter[int], Counter[int]]:
    with server.client() as client:
        stock(client, "sku-1", 100)
    nginx = proxy(server.port)
    with senders(nginx) as refused:
        others = answers_of_the_others(nginx, goes_on)
    # 503 from the bulkhead of large changes, if a thread has not left it yet.
    assert 415 in refused
    assert set(refused) <= {415, 503}
    assert server.get("/metrics")["connectionsCut"] == 0
    return others, refused


def test_clients_whose_long_bodies_are_refused_cost_the_others_no_answer(serve, proxy: Proxy):
    others, _ = run(serve(), proxy, lambda sent: sent < 100)
    assert others == {200: OTHERS * 100}


@pytest.mark.long
@pytest.mark.timeout(300)
def test_of_thousands_of_requests_beside_refused_long_bodies_none_is_without_an_answer(
    serve, proxy: Proxy, show_figures: Callable[[str], None]
):
    until = time.monotonic() + 10
    others, refused = run(serve(), proxy, lambda sent: sent < 1000 or time.monotonic() < until)
    show_figures(
        f"beside {refused.total()} refused bodies of 111 kB: {others.total()} requests, answers {dict(others)}"
    )
    assert others.total() >= 4000
    assert set(others) == {200}
