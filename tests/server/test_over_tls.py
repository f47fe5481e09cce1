"""Over TLS in the worker itself: every answer is written by the thread of its request, and connections are kept."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.deferring_worker import CHANGE, Deferring
from support.waiting import until
from support.worker_thread import WHOLE, answer


@pytest.fixture
def secured(deferring: Deferring, tmp_path: Path) -> Deferring:
    """The worker, with a certificate of its own."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed; it makes the certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    deferring.config.set("keyfile", str(key))
    deferring.config.set("certfile", str(certificate))
    return deferring


@pytest.fixture
def client(secured: Deferring) -> Iterator[ssl.SSLSocket]:
    secured.start()
    trusting = ssl.create_default_context(cafile=secured.config.certfile)
    with trusting.wrap_socket(secured.client(), server_hostname="localhost") as connection:
        yield connection


def test_a_change_is_answered_by_its_thread(secured: Deferring, client: ssl.SSLSocket) -> None:
    client.sendall(CHANGE)
    # Asked at once, whether it is settled or not: a real ticket waits then, and this one refuses.
    assert client.recv(10_000).startswith(b"HTTP/1.1 503")
    assert [(ticket.waited, ticket.is_awaited()) for ticket in secured.tickets] == [(1, False)]


def test_a_connection_is_kept_for_further_requests(secured: Deferring, client: ssl.SSLSocket) -> None:
    for _ in range(3):
        client.sendall(WHOLE)
        assert answer(client).startswith(b"HTTP/1.1 200")
    assert secured.worker.nr_conns == 1


def test_a_client_that_does_not_close_is_not_waited_for_by_the_main_loop(
    secured: Deferring, client: ssl.SSLSocket
) -> None:
    waited_for: list[socket.socket] = []
    secured.worker.closer.take = waited_for.append
    client.sendall(WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert answer(client).startswith(b"HTTP/1.1 200")
    until("it is handed over", lambda: len(waited_for) == 1)
    waited_for[0].close()
