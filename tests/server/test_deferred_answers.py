"""The worker that defers: a change that waits holds no thread, and its answer delays no other client."""

import logging
import socket

import pytest
from gunicorn.workers import gthread
from support.deferring_worker import CHANGE, REFUSED, Deferring
from support.waiting import until
from support.worker_thread import WHOLE, answer

from inventory.web.answers import Answer
from inventory.web.deferred_answer import LateRefusal

MANY = 20


def test_more_changes_wait_than_there_are_threads_and_others_are_answered(deferring: Deferring) -> None:
    deferring.start()
    changes = [deferring.change() for _ in range(MANY)]

    assert answer(deferring.client(WHOLE)).startswith(b"HTTP/1.1 200")

    for _, ticket in changes:
        ticket.settle()
    assert all(answer(client).startswith(b"HTTP/1.1 200") for client, _ in changes)
    assert [ticket.waited for _, ticket in changes] == [1] * MANY


def test_refusals_that_are_kept_back_hold_no_thread_and_are_told_when_their_time_has_come(
    deferring: Deferring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LateRefusal, "late_seconds", 600.0)
    deferring.start()
    refused, waiting = [deferring.client(REFUSED) for _ in range(MANY)], deferring.worker.deferred._late_refusals
    until("all are kept back", lambda: len(waiting) == MANY)

    assert answer(deferring.client(WHOLE)).startswith(b"HTTP/1.1 200")
    for exchange in waiting:
        exchange.until = 0.0
    # Its request wakes the main loop.
    assert answer(deferring.client(WHOLE)).startswith(b"HTTP/1.1 200")

    for client in refused:
        told = client.recv(10_000)
        assert told.startswith(b"HTTP/1.1 503")
        assert b"too much" in told


def test_the_main_loop_sleeps_no_longer_than_a_refusal_is_kept_back(
    deferring: Deferring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LateRefusal, "late_seconds", 60.0)
    deferring.start()
    without = deferring.worker.deferred.seconds_to_next()
    deferring.client(REFUSED)
    until("it is kept back", lambda: len(deferring.worker.deferred._late_refusals) == 1)

    assert deferring.worker.deferred.seconds_to_next() <= 60.0 < without


def test_a_change_that_is_resolved_before_it_is_deferred_is_answered(deferring: Deferring) -> None:
    deferring.start()
    for number in range(MANY):
        client = deferring.client(CHANGE)
        until("the change is there", lambda number=number: len(deferring.tickets) > number)
        deferring.tickets[number].settle()
        assert answer(client).startswith(b"HTTP/1.1 200")


def test_a_ticket_that_is_never_resolved_is_answered_when_its_time_is_over_and_only_once(deferring: Deferring) -> None:
    deferring.worker.deferred.commit_seconds = 0.02
    deferring.start()
    client, ticket = deferring.change()

    answered = client.recv(10_000)
    ticket.settle()
    client.sendall(WHOLE)

    assert answered.startswith(b"HTTP/1.1 503")
    assert b"not begun in time" in answered
    # The next that comes on the connection is the next answer.
    assert answer(client).startswith(b"HTTP/1.1 200")
    assert ticket.waited == 1


def test_the_main_loop_sleeps_no_longer_than_a_change_may_wait(
    deferring: Deferring, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = []
    dispatch = gthread.ThreadWorker.wait_for_and_dispatch_events
    monkeypatch.setattr(
        gthread.ThreadWorker,
        "wait_for_and_dispatch_events",
        lambda worker, timeout: (slept.append(timeout), dispatch(worker, timeout)),
    )
    deferring.worker.deferred.commit_seconds = 0.2
    deferring.start()
    client, _ = deferring.change()
    assert client.recv(10_000).startswith(b"HTTP/1.1 503")
    assert max(slept) <= 0.2


def test_a_settlement_that_is_told_twice_is_answered_once(deferring: Deferring) -> None:
    deferring.start()
    client, ticket = deferring.change()
    ticket.settle()
    ticket.settle()
    answer(client)
    client.sendall(WHOLE)
    assert answer(client).count(b"HTTP/1.1") == ticket.waited == 1


def test_the_connection_is_kept_and_what_was_sent_meanwhile_is_answered_next(deferring: Deferring) -> None:
    deferring.start()
    client, first = deferring.change()
    client.sendall(CHANGE)
    first.settle()
    assert answer(client).startswith(b"HTTP/1.1 200")
    until("the second change waits", lambda: len(deferring.tickets) == 2 and deferring.tickets[1].is_awaited())
    deferring.tickets[1].settle()
    assert answer(client).startswith(b"HTTP/1.1 200")


def test_a_client_that_does_not_take_its_answer_holds_no_other_up(deferring: Deferring) -> None:
    length = 30_000_000
    deferring.present = lambda _: Answer(b"x" * length)
    deferring.start()
    greedy, long = deferring.change()
    deferring.present = lambda _: Answer(b"ok")
    client, ticket = deferring.change()

    long.settle()
    ticket.settle()

    assert answer(client).startswith(b"HTTP/1.1 200")
    head, _, body = greedy.recv(1000).partition(b"\r\n\r\n")
    received = len(body)
    while received < length and (more := greedy.recv(1 << 20)):
        received += len(more)
    assert (head.startswith(b"HTTP/1.1 200"), received) == (True, length)
    greedy.sendall(WHOLE)
    assert answer(greedy).startswith(b"HTTP/1.1 200")


def test_a_client_that_has_gone_is_let_go_of_and_the_others_are_answered(
    deferring: Deferring, caplog: pytest.LogCaptureFixture
) -> None:
    deferring.start()
    gone, lost = deferring.change()
    client, ticket = deferring.change()
    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    gone.close()

    lost.settle()
    ticket.settle()

    assert answer(client).startswith(b"HTTP/1.1 200")
    # What became of the change was asked for all the same: a breaker may wait to be told.
    assert lost.waited == 1
    until("its connection is closed", lambda: deferring.worker.nr_conns == 1)
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


def test_an_answer_that_fails_is_a_500_and_affects_no_other_client(deferring: Deferring) -> None:
    def broken(_: object) -> Answer:
        raise RuntimeError("a fault")

    deferring.present = broken
    deferring.start()
    client, ticket = deferring.change()
    ticket.settle()
    assert client.recv(10_000).startswith(b"HTTP/1.1 500")
    assert answer(deferring.client(WHOLE)).startswith(b"HTTP/1.1 200")


def test_an_answer_that_cannot_even_begin_closes_its_connection_alone(deferring: Deferring) -> None:
    deferring.present = lambda _: Answer(b"ok", headers=(("X", "a\r\nb"),))
    deferring.start()
    client, ticket = deferring.change()
    ticket.settle()
    assert client.recv(10_000).startswith(b"HTTP/1.1 500")
    assert client.recv(1) == b""
    assert answer(deferring.client(WHOLE)).startswith(b"HTTP/1.1 200")


def test_changes_that_wait_are_answered_before_it_ends(deferring: Deferring) -> None:
    deferring.start()
    client, ticket = deferring.change()
    deferring.tell_to_end()
    until("clients are refused", deferring.refuses)
    assert not deferring.worker.drained

    ticket.settle()

    answered = answer(client)
    assert answered.startswith(b"HTTP/1.1 200")
    assert (deferring.ends(), deferring.worker.drained) == (True, True)
