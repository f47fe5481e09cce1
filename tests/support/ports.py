"""Ports that no other process takes between their choice and the call of ``listen``."""

import fcntl
import os
import socket
import tempfile
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST = 20_000
_LOCKS = Path(tempfile.gettempdir()) / f"inventory-test-ports-{os.getuid()}"
_kept: list[int] = []


def free_port() -> int:
    """A port of 127.0.0.1 that this process alone has until it ends.

    It lies below the range from which the system gives ports to clients and to those who ask for port 0; of two
    processes that run tests only one gets it, as it is locked.
    """
    _LOCKS.mkdir(exist_ok=True)
    for port in range(_FIRST, int(_RANGE.read_text().split()[0])):
        lock = os.open(_LOCKS / str(port), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                # As servers do: connections that were closed a moment ago do not prevent listening.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            os.close(lock)
            continue
        _kept.append(lock)
        return port
    raise AssertionError("no port is free")
