"""``Type=notify``, as in deploy/systemd: systemd considers a server started when it says so."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.running_server import Serve, run_command


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


@pytest.mark.both_worker_classes
def test_a_server_that_listens_says_that_it_is_ready(serve: Serve, systemd: socket.socket) -> None:
    server = serve(NOTIFY_SOCKET=systemd.getsockname())

    assert b"READY=1" in systemd.recv(4096).splitlines()
    assert server.end() == 0


def test_a_server_that_refuses_to_start_does_not(data_dir: Path, systemd: socket.socket) -> None:
    (data_dir / "events").mkdir(parents=True)
    (data_dir / "events" / f"{1:020d}.jsonl").write_bytes(b'{"format":1}\n')

    refused = run_command(data_dir, "serve", NOTIFY_SOCKET=systemd.getsockname())

    assert refused.returncode == 1
    with pytest.raises(BlockingIOError):
        systemd.recv(4096)
