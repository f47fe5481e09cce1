"""The main loop of a worker: no client starves in it, none waits for ever at its end, and nothing is written then."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gunicorn.workers import gthread
from support.deferring_worker import Deferring
from support.waiting import until
from support.worker_thread import WHOLE, answer

from inventory.resilience.bulkhead import ByteBudget
from inventory.server.gunicorn_seam import MainLoopCalls
from inventory.server.poller import Poller
from inventory.web.answers import Answer


def test_in_each_round_only_so_many_are_answered(deferring: Deferring, monkeypatch: pytest.MonkeyPatch) -> None:
    deferring.start()
    changes = [deferring.change() for _ in range(50)]
    dispatch, answer_deferred = gthread.ThreadWorker.wait_for_and_dispatch_events, deferring.worker.deferred._write
    rounds, may_go_on = [0], threading.Event()
    waits_for = set()

    def one_round(worker, timeout) -> None:
        if worker.deferred._resolved.qsize():
            waits_for.add(timeout)
        assert may_go_on.wait(20)
        rounds.append(0)
        dispatch(worker, timeout)

    def counted(exchange) -> None:
        rounds[-1] += 1
        answer_deferred(exchange)

    monkeypatch.setattr(gthread.ThreadWorker, "wait_for_and_dispatch_events", one_round)
    monkeypatch.setattr(deferring.worker.deferred, "_write", counted)
    for _, ticket in changes:
        ticket.settle()
    until("all are resolved", lambda: deferring.worker.deferred._resolved.qsize() + sum(rounds) == 50)
    may_go_on.set()

    assert all(answer(client).startswith(b"HTTP/1.1 200") for client, _ in changes)
    assert max(rounds) == 16
    # And goes on with the rest at once.
    assert waits_for == {0.0}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_quick_end_answers_what_threads_have_taken_up(deferring: Deferring) -> None:
    deferring.start()
    client, ticket = deferring.change()
    deferring.worker.method_queue.defer(deferring.worker.handle_quit, None, None)
    until("clients are refused", deferring.refuses)

    ticket.settle()

    assert answer(client).startswith(b"HTTP/1.1 200")
    assert (deferring.ends(), deferring.worker.drained) == (True, False)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_end_that_comes_while_an_answer_is_written_is_an_end(deferring: Deferring) -> None:
    def ended(_: object) -> Callable[..., Iterator[bytes]]:
        def app(_: object, start_response: Callable[..., None]) -> Iterator[bytes]:
            start_response("200 OK", [("Content-Length", "4")])
            yield b"ok"
            raise SystemExit(1)

        return app

    deferring.present = ended
    deferring.start()
    _, ticket = deferring.change()
    ticket.settle()
    assert (deferring.ends(), deferring.worker.drained) == (True, False)


def test_a_thread_that_is_done_after_the_end_writes_to_no_file(tmp_path: Path) -> None:
    told = MainLoopCalls()
    told.init()
    numbers = {told._read_fd, told._write_fd}
    told.close()
    taken = {os.open(tmp_path / str(number), os.O_RDWR | os.O_CREAT) for number in range(8)}
    try:
        assert numbers <= taken
        told.defer(print)
        told.close()
        assert all(os.fstat(one).st_size == 0 for one in taken)
    finally:
        for one in taken:
            os.close(one)


def test_a_hook_that_fails_spoils_no_answer(deferring: Deferring) -> None:
    def failing(_worker: object, _req: object, _environ: object, _resp: object) -> None:
        raise RuntimeError("a fault of the hook")

    deferring.config.set("post_request", failing)
    deferring.start()
    client, ticket = deferring.change()
    ticket.settle()
    assert answer(client).count(b"HTTP/1.1") == 1
    client.sendall(WHOLE)
    assert answer(client).startswith(b"HTTP/1.1 200")


def test_where_too_much_waits_to_be_sent_that_client_alone_is_cut_off(deferring: Deferring) -> None:
    length = 30_000_000
    deferring.worker.sender.budget = ByteBudget(1000)
    deferring.present = lambda _: Answer(b"x" * length)
    deferring.start()
    greedy, long = deferring.change()
    deferring.present = lambda _: Answer(b"ok")
    client, ticket = deferring.change()

    long.settle()
    until("it is let go of", lambda: deferring.worker.nr_conns == 1)
    ticket.settle()

    assert answer(client).startswith(b"HTTP/1.1 200")
    received = 0
    with contextlib.suppress(ConnectionResetError):
        while more := greedy.recv(1 << 20):
            received += len(more)
    assert received < length


def test_after_as_many_requests_as_gunicorn_was_told_it_ends(deferring: Deferring) -> None:
    deferring.worker.max_requests = 2
    deferring.start()
    (first, one), (second, two) = deferring.change(), deferring.change()
    one.settle()
    two.settle()
    assert b"Connection: keep-alive" in answer(first)
    assert b"Connection: close" in answer(second)
    assert deferring.ends()


def test_a_thread_that_is_left_with_an_error_ends_that_connection_alone(deferring: Deferring) -> None:
    usual = deferring.worker.wsgi

    def fail(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["REQUEST_METHOD"] == "DELETE":
            raise SystemExit
        return usual(environ, start_response)

    deferring.worker.wsgi = fail
    deferring.start()
    for _ in range(2 * deferring.config.threads):
        assert deferring.client(WHOLE.replace(b"GET", b"DELETE")).recv(1000) == b""
    assert answer(deferring.client(WHOLE)).startswith(b"HTTP/1.1 200")
    until("the others are let go of", lambda: deferring.worker.nr_conns == 1)


def test_a_main_loop_that_fails_leaves_no_thread_behind(deferring: Deferring, monkeypatch: pytest.MonkeyPatch) -> None:
    failed: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda hooked: failed.append(hooked.exc_value))
    error = ValueError("the main loop has an error")

    def fail() -> None:
        raise error

    deferring.start()
    assert answer(deferring.client(WHOLE)).startswith(b"HTTP/1.1 200")
    assert isinstance(deferring.worker.poller, Poller)
    monkeypatch.setattr(deferring.worker, "murder_pending", fail)

    assert deferring.ends()

    assert failed == [error]
    with pytest.raises(RuntimeError, match="ended"):
        deferring.worker.tpool.submit(print)
