"""The real nginx with the configuration of the documents, on a free port and in a folder of its own."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.checkout import ROOT
from support.client import Client
from support.ports import free_port
from support.waiting import until

CONFIGURATION = ROOT / "docs/nginx.conf"
NEEDS_NGINX = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed (Debian: nginx-light)")
_LISTEN, _UPSTREAM = "listen 127.0.0.1:8080;", "server 127.0.0.1:3000 "


class RunningNginx:
    """One nginx in front of a port. What the test needs otherwise is replaced in the file's text, and must be there.

    :param changes: text of the configuration → what stands there instead.
    """

    def __init__(self, folder: Path, upstream: int, changes: dict[str, str] | None = None) -> None:
        self.folder, self.port = folder, free_port()
        text = CONFIGURATION.read_text()
        listen, server = f"listen 127.0.0.1:{self.port};", f"server 127.0.0.1:{upstream} "
        for found, instead in {_LISTEN: listen, _UPSTREAM: server, **(changes or {})}.items():
            assert found in text, found
            text = text.replace(found, instead)
        self.file = folder / "nginx.conf"
        self.file.write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    def check(self) -> subprocess.CompletedProcess[str]:
        """Have nginx check the file."""
        return subprocess.run(self._command("-t"), capture_output=True, text=True, timeout=30, check=False)

    def start(self) -> "RunningNginx":
        """Start it; returns when it accepts connections."""
        self._process = subprocess.Popen(
            self._command(), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        until("nginx listens", self._listens)
        return self

    def close(self) -> None:
        """End it, at once and for certain."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(20)

    def client(self, timeout: float = 30.0) -> Client:
        return Client(self.port, timeout)

    def log(self) -> str:
        """What it has logged of requests."""
        return (self.folder / "access.log").read_text()

    def _command(self, *options: str) -> list[str]:
        # If root runs the tests, only root may read their folders, and nginx would run its workers as another user.
        user = "user root; " if os.geteuid() == 0 else ""
        return ["nginx", *options, "-p", str(self.folder), "-c", str(self.file), "-g", f"{user}daemon off;"]

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "error.log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except OSError:
            return False
        return True


Proxy = Callable[..., RunningNginx]
