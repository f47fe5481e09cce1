"""scripts/bench: the driver's arithmetic, and what it accepts as an answer."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from bench.answers import AnswerBroken, is_complete, is_success
from bench.connections import opened
from bench.driving import drive_together
from bench.load import Plan, percentile
from bench.own_driver import Driver

YES = b"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nContent-Length: 2\r\n\r\n{}"
NO = b"HTTP/1.1 409 CONFLICT\r\ncontent-length:2\r\n\r\n{}"


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_the_value_at_the_nearest_rank(share: float, expected: int):
    assert percentile(range(1, 101), share) == expected


def test_a_percentile_of_one_value_is_that_value_and_of_none_is_0():
    assert (percentile([7], 0.5), percentile([7], 0.99), percentile([], 0.5)) == (7, 7, 0)


def test_an_answer_is_complete_at_its_last_byte_and_not_before():
    assert [size for size in range(1, len(YES) + 1) if is_complete(YES[:size])] == [len(YES)]


def test_an_answer_may_write_its_headers_in_any_case():
    assert is_complete(NO)
    assert not is_complete(NO[:-1])


@pytest.mark.parametrize("broken", [YES + b"x", b"HTTP/1.1 200 OK\r\n\r\n", b"hello\r\n\r\n"])
def test_what_is_not_one_answer_with_a_length_is_refused(broken: bytes):
    with pytest.raises(AnswerBroken):
        is_complete(broken)


def test_only_a_2xx_answer_is_a_success():
    assert is_success(YES)
    assert not is_success(NO)


@contextlib.contextmanager
def server(answers: dict[bytes, bytes | None]) -> Iterator[int]:
    """Answers each request, known by its first byte; closes the connection where the answer is ``None``."""

    def serve(connection: socket.socket) -> None:
        with connection:
            while request := connection.recv(1000):
                answer = answers[request[:1]]
                if answer is None:
                    return
                connection.sendall(answer[:20])
                connection.sendall(answer[20:])

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def drive(plan: Plan):
    return Driver(plan, opened(plan)).run()


def test_each_request_is_sent_once_and_its_confirmation_counted():
    with server({b"a": YES, b"b": NO}) as port:
        load = drive(Plan(port, [b"a", b"b", b"a"], 2, 0, 0, once=True))
    assert load.confirmed == [1, 0, 1]
    assert load.errors == {"HTTP/1.1 409": 1}
    assert load.requests == 3


def test_confirmations_cover_warm_up_and_drain_while_the_rate_covers_neither():
    with server({b"a": YES}) as port:
        load = drive(Plan(port, [b"a"], 4, 0.1, 0.1))
    assert load.confirmed_in_all > load.requests > 0
    assert (load.errors, load.unanswered) == ({}, 0)
    assert load.rate == pytest.approx(load.requests / load.seconds)


def test_a_connection_that_the_server_closes_is_an_error_and_no_confirmation():
    with server({b"a": YES, b"z": None}) as port:
        load = drive(Plan(port, [b"a", b"z"], 1, 0, 0, once=True))
    assert load.confirmed == [1, 0]
    assert sum(load.errors.values()) == 1


def test_latencies_are_kept_apart_by_status():
    with server({b"a": YES, b"b": NO}) as port:
        load = drive(Plan(port, [b"a", b"b", b"a"], 1, 0, 0, once=True))
    assert {status: one.count for status, one in load.by_status.items()} == {"200": 2, "409": 1}


def test_a_connection_that_rests_after_each_answer_asks_no_more_often_than_that():
    with server({b"a": YES}) as port:
        load = drive(Plan(port, [b"a"], 2, 0, 0.2, pause_seconds=0.05))
    assert 2 <= load.confirmed_in_all <= 2 * 5


def test_plans_are_driven_at_the_same_time_and_each_gets_its_own_load():
    with server({b"a": YES, b"b": NO}) as port:
        first, second = drive_together([Plan(port, [b"a"], 1, 0, 0, once=True), Plan(port, [b"b"], 1, 0, 0, once=True)])
    assert (first.confirmed, second.confirmed) == ([1], [0])
    assert set(first.by_status) == {"200"}
