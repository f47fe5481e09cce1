"""Addresses: how gunicorn gets them, which hosts can reach them, and the error if they are in use."""

import socket
from collections.abc import Iterator

import pytest

from inventory.server.listen_address import AddressRefused, address, is_loopback, wait_until_free


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def told_nothing(message: str) -> None:
    raise AssertionError(message)


@pytest.mark.parametrize(
    ("host", "written"),
    [("127.0.0.1", "127.0.0.1:80"), ("localhost", "localhost:80"), ("::1", "[::1]:80"), ("[::1]", "[::1]:80")],
)
def test_an_address_is_written_as_gunicorn_reads_it(host: str, written: str) -> None:
    assert address(host, 80) == written


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1"])
def test_loopback_is_for_this_machine_only(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "shop.example"])
def test_anything_else_counts_as_open_to_strangers(host: str) -> None:
    assert not is_loopback(host)


def test_a_free_port_is_not_waited_for() -> None:
    wait_until_free("127.0.0.1", 0, report=told_nothing)


def test_a_port_that_stays_in_use_is_refused_by_name_after_five_seconds(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    slept: list[float] = []
    with pytest.raises(AddressRefused, match=rf"127\.0\.0\.1:{port} is in use.*PORT"):
        wait_until_free("127.0.0.1", port, report=lambda _: None, sleep=slept.append)
    assert sum(slept) == pytest.approx(5, abs=0.2)


def test_an_operator_who_starts_a_server_on_a_port_in_use_is_told_of_the_wait_once(listener: socket.socket) -> None:
    told: list[str] = []
    with pytest.raises(AddressRefused):
        wait_until_free("127.0.0.1", listener.getsockname()[1], report=told.append, sleep=lambda _: None)
    assert len(told) == 1


def test_a_server_that_is_just_ending_is_waited_for(listener: socket.socket) -> None:
    wait_until_free("127.0.0.1", listener.getsockname()[1], report=lambda _: None, sleep=lambda _: listener.close())


def test_an_address_of_another_machine_is_refused_at_once() -> None:
    with pytest.raises(AddressRefused, match=r"203\.0\.113\.1:3000.*HOST"):
        wait_until_free("203.0.113.1", 3000, report=told_nothing, sleep=lambda _: told_nothing("it slept"))
