"""A client's connection: no thread waits for the client without a bound, and late bytes are still read."""

import errno
import socket
import threading
from collections.abc import Iterator

import pytest

from inventory.server.client_socket import FLOOR, ClientSocket, Pace

LONG, AT_ONCE = 60.0, 0.0


@pytest.fixture
def pair() -> Iterator[tuple[ClientSocket, socket.socket]]:
    accepted, client = socket.socketpair()
    connection = ClientSocket(accepted, lambda rest: rest.close())
    yield connection, client
    connection.close()
    client.close()


def test_a_read_that_waits_past_the_deadline_ends_as_a_reset_connection(pair) -> None:
    connection, _ = pair
    connection.begin(AT_ONCE)
    with pytest.raises(TimeoutError) as raised:
        connection.recv(10)
    assert raised.value.errno == errno.ECONNRESET
    assert connection.expired


def test_what_is_there_is_read_although_the_deadline_has_passed(pair) -> None:
    connection, client = pair
    connection.begin(AT_ONCE)
    client.sendall(b"late")
    assert connection.recv(10) == b"late"
    assert not connection.expired


def test_bytes_that_trickle_in_do_not_move_the_deadline(pair) -> None:
    connection, client = pair
    connection.begin(0.05)
    client.sendall(b"a")
    assert connection.recv(10) == b"a"
    with pytest.raises(TimeoutError):
        connection.recv(10)


def test_a_timeout_of_the_socket_that_is_sooner_counts(pair) -> None:
    connection, _ = pair
    connection.begin(LONG)
    connection.settimeout(0.001)
    with pytest.raises(TimeoutError):
        connection.recv(10)


def test_a_socket_that_must_not_block_does_not(pair) -> None:
    connection, _ = pair
    connection.begin(LONG)
    connection.setblocking(False)
    with pytest.raises(BlockingIOError):
        connection.recv(10)


def test_what_a_client_does_not_take_at_once_is_kept_for_later(pair) -> None:
    connection, client = pair
    sent = bytes(range(256)) * 40_000
    connection.begin(LONG)
    connection.sendall(sent[:1000])
    connection.sendall(sent[1000:])
    connection.sendall(b"")
    assert 0 < connection.held < len(sent)
    flushing = threading.Thread(target=connection.flush)
    flushing.start()
    received = bytearray()
    while len(received) < len(sent):
        received += client.recv(1 << 20)
    flushing.join()
    assert (received, connection.held) == (sent, 0)


def test_a_client_that_does_not_read_is_written_to_no_longer_than_the_bound(pair) -> None:
    connection, _ = pair
    connection.begin(AT_ONCE)
    connection.sendall(b"x" * 10_000_000)
    with pytest.raises(TimeoutError) as raised:
        connection.flush()
    assert (raised.value.errno, connection.held) == (errno.ECONNRESET, 0)


def test_what_the_kernel_had_already_is_not_counted_against_the_client(pair, monkeypatch) -> None:
    connection, _ = pair
    connection.begin(AT_ONCE)
    connection.sendall(b"x" * 10_000_000)
    taken = list[int]()
    monkeypatch.setattr(Pace, "is_too_slow", lambda _, so_far, __: taken.append(so_far) or True)
    with pytest.raises(TimeoutError):
        connection.flush()
    assert taken == [0]


def test_a_long_answer_reaches_a_client_that_reads_it(pair) -> None:
    connection, client = pair
    connection.begin(LONG)
    connection.sendall(b"abc")
    assert (client.recv(10), connection.answered) == (b"abc", True)


def test_a_connection_that_has_been_ended_is_handed_over_and_gone() -> None:
    accepted, client = socket.socketpair()
    handed: list[socket.socket] = []
    connection = ClientSocket(accepted, handed.append)
    connection.shutdown(socket.SHUT_WR)
    with client, handed[0] as rest:
        assert client.recv(10) == b""
        client.sendall(b"more")
        assert (connection.fileno(), rest.recv(10)) == (-1, b"more")


def test_blocking_or_not_is_told_as_it_was_set(pair) -> None:
    connection, _ = pair
    told = []
    for timeout in (None, 0.0, 2.5):
        connection.settimeout(timeout)
        told.append(connection.gettimeout())
    connection.setblocking(True)
    assert (told, connection.gettimeout()) == ([None, 0.0, 2.5], None)


PATIENCE = 5.0


def given_up_at(rate: float, *, until: float = 600.0, stops: float = 600.0, step: float = 0.25) -> float | None:
    """When a client is given up that takes ``rate`` bytes a second up to ``stops``."""
    pace, now = Pace(PATIENCE, 0.0), 0.0
    while now < until:
        now += step
        if pace.is_too_slow(int(rate * min(now, stops)), now):
            return now
    return None


def test_a_client_that_takes_nothing_is_given_up_after_its_patience():
    assert given_up_at(0) == PATIENCE


def test_a_client_that_takes_64_kib_a_second_is_never_given_up():
    assert given_up_at(FLOOR) is None


def test_a_client_that_takes_half_of_that_is_given_up_when_it_is_five_seconds_late():
    assert given_up_at(FLOOR / 2) == 2 * PATIENCE


def test_a_client_that_was_quick_and_stops_is_given_up_after_its_patience():
    assert given_up_at(1_000_000, stops=3.0) == 3.0 + PATIENCE


def test_pauses_shorter_than_the_patience_cost_a_quick_client_nothing():
    pace = Pace(PATIENCE, 0.0)
    assert not any(pace.is_too_slow(burst * 2_000_000, burst * 4.9) for burst in range(1, 50))


def test_bytes_that_the_kernel_has_given_back_count_once():
    pace = Pace(PATIENCE, 0.0)
    assert not pace.is_too_slow(1_000_000, 1.0)
    assert not pace.is_too_slow(900_000, 5.5)
    assert pace.is_too_slow(1_000_000, 6.0)
