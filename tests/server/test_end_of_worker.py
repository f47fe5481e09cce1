"""The end of a worker: what it does with each kind of connection when it is told to end."""

from collections.abc import Iterator

import pytest
from gunicorn.workers import gthread
from support.waiting import until
from support.worker_thread import FOR_EVER, PATIENCE, WHOLE, Running, answer

from inventory.server import gunicorn_seam


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(gthread, "STOP_KEEPALIVE_LINGER", gthread.STOP_KEEPALIVE_LINGER)
    made = Running()
    yield made
    made.close()


def test_from_the_signal_on_new_clients_are_refused_while_a_request_is_at_work(running: Running) -> None:
    running.start()
    running.client(WHOLE)
    running.at_work.wait(PATIENCE)

    running.tell_to_end()

    until("clients are refused", running.refuses)
    assert not running.worker.drained


def test_the_request_at_work_is_answered_and_then_it_ends(running: Running) -> None:
    running.start()
    client = running.client(WHOLE)
    running.at_work.wait(PATIENCE)
    running.tell_to_end()
    until("clients are refused", running.refuses)

    running.may_answer.set()

    assert answer(client).startswith(b"HTTP/1.1 200")
    assert (running.ends(), running.worker.drained) == (True, True)


def test_a_request_that_was_on_its_way_is_answered_with_connection_close(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gunicorn_seam, "LINGER_SECONDS", float(FOR_EVER))
    running.may_answer.set()
    running.start()
    client = running.client(WHOLE)
    assert b"Connection: keep-alive" in answer(client)
    running.tell_to_end()
    until("clients are refused", running.refuses)

    client.sendall(WHOLE)

    assert b"Connection: close" in answer(client)
    assert running.ends()


def test_an_idle_connection_does_not_hold_the_end_up(running: Running) -> None:
    running.may_answer.set()
    running.start()
    answer(running.client(WHOLE))

    running.tell_to_end()

    assert running.ends()


def test_a_connection_that_has_sent_nothing_does_not_hold_the_end_up(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gthread, "DEFAULT_WORKER_DATA_TIMEOUT", FOR_EVER)
    running.start()
    running.client()
    until("it is accepted", lambda: running.worker.nr_conns)

    running.tell_to_end()

    assert running.ends()


def test_one_that_has_sent_nothing_for_long_does_not_hold_the_end_up(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gthread, "DEFAULT_WORKER_DATA_TIMEOUT", 0.01)
    running.start()
    running.client()
    until("it has left its thread", lambda: running.worker.pending_conns)

    running.tell_to_end()

    assert running.ends()


def test_half_a_request_is_given_up_when_the_grace_is_over(running: Running) -> None:
    running.config.set("graceful_timeout", 0)
    running.start()
    client = running.client(WHOLE[:20])
    until("a thread reads it", lambda: any(conn.initialized for conn in running.worker._with_a_thread))

    running.tell_to_end()

    assert running.ends()
    assert client.recv(100) == b""
    running.worker.tpool.shutdown(wait=True)


def test_a_worker_that_is_told_to_end_while_it_reads_the_log_keeps_no_client_waiting(running: Running) -> None:
    running.tell_to_end()

    assert running.refuses()
    running.start()
    assert (running.ends(), running.worker.drained) == (True, True)


def test_a_worker_without_a_master_stops_listening_too(running: Running) -> None:
    running.start()
    running.client(WHOLE)
    running.at_work.wait(PATIENCE)

    running.worker.ppid = -1

    until("clients are refused", running.refuses)
