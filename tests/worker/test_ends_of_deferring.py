"""The worker that defers: nobody starves in its main loop, and at its end nobody waits in vain or writes anywhere."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gunicorn.workers import gthread
from system.waiting import until
from worker.deferring import Deferring
from worker.running import answer

from inventory.worker.method_queue import ClosableMethodQueue


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deferring]:
    monkeypatch.setattr(gthread, "STOP_KEEPALIVE_LINGER", gthread.STOP_KEEPALIVE_LINGER)
    made = Deferring()
    made.worker.commit_seconds = 600.0
    yield made
    made.close()


def test_in_each_round_only_so_many_are_answered(running: Deferring, monkeypatch: pytest.MonkeyPatch) -> None:
    running.start()
    changes = [running.change() for _ in range(50)]
    dispatch, answer_deferred = gthread.ThreadWorker.wait_for_and_dispatch_events, running.worker._answer_deferred
    rounds, may_go_on = [0], threading.Event()
    waits_for = set()

    def one_round(worker, timeout) -> None:
        if worker._settled.qsize():
            waits_for.add(timeout)
        assert may_go_on.wait(20)
        rounds.append(0)
        dispatch(worker, timeout)

    def counted(exchange) -> None:
        rounds[-1] += 1
        answer_deferred(exchange)

    monkeypatch.setattr(gthread.ThreadWorker, "wait_for_and_dispatch_events", one_round)
    monkeypatch.setattr(running.worker, "_answer_deferred", counted)
    for _, ticket in changes:
        ticket.settle()
    until("all are settled", lambda: running.worker._settled.qsize() + sum(rounds) == 50)
    may_go_on.set()

    assert all(answer(client).startswith(b"HTTP/1.1 200") for client, _ in changes)
    assert max(rounds) == 16
    # And goes on with the rest at once.
    assert waits_for == {0.0}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_quick_end_answers_what_threads_have_taken_up(running: Deferring) -> None:
    running.start()
    client, ticket = running.change()
    running.worker.method_queue.defer(running.worker.handle_quit, None, None)
    until("clients are refused", running.refuses)

    ticket.settle()

    assert answer(client).startswith(b"HTTP/1.1 200")
    assert (running.ends(), running.worker.drained) == (True, False)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_end_that_comes_while_an_answer_is_written_is_an_end(running: Deferring) -> None:
    def ended(_: object) -> Callable[..., Iterator[bytes]]:
        def app(_: object, start_response: Callable[..., None]) -> Iterator[bytes]:
            start_response("200 OK", [("Content-Length", "4")])
            yield b"ok"
            raise SystemExit(1)

        return app

    running.present = ended
    running.start()
    _, ticket = running.change()
    ticket.settle()
    assert (running.ends(), running.worker.drained) == (True, False)


def test_whoever_is_done_after_the_end_writes_to_no_file(tmp_path: Path) -> None:
    told = ClosableMethodQueue()
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
