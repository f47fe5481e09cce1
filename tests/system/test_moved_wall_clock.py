"""A whole server whose processes see another time of day from one moment to the next.

Nothing here may set the machine's clock, and a time namespace moves every clock but this one. So Python's ``time`` is
replaced before anything else is imported. What asks the kernel past it (``datetime.now()``, in gunicorn's arguments for
an access line that we do not write) is not moved.
"""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.client import Answer, adjust, stock
from support.running_server import PACKAGE, RunningServer, assert_whole
from support.waiting import until

HOUR = timedelta(hours=1)
MINUTES = timedelta(minutes=10)
MOVED_BY = """
import pathlib, time
_file = pathlib.Path({file!r})
_time, _time_ns = time.time, time.time_ns
time.time = lambda: _time() + int(_file.read_text())
time.time_ns = lambda: _time_ns() + int(_file.read_text()) * 1_000_000_000
"""


def instant(answer: Answer) -> datetime:
    """The service's time, by which things end."""
    return datetime.fromisoformat(answer.json["updatedAt"])


def logged_at(server: RunningServer) -> datetime:
    """The wall clock, of which a log line has the time; asks for one that is new."""
    many = len(server.log_lines())
    server.get("/health")
    lines = until("a line", lambda: server.log_lines()[many:])
    return datetime.fromisoformat(lines[-1]["time"])


def replace(path: Path, text: str) -> None:
    """At once: it is read all the time."""
    beside = path.with_name(f"{path.name}-next")
    beside.write_text(text)
    os.replace(beside, path)


@pytest.mark.parametrize("hours", [1, -1, 24, -24])
def test_a_server_whose_wall_clock_is_moved_serves_publishes_and_forgets_nothing(serve, tmp_path, hours):
    moved = tmp_path / "moved-by-seconds"
    moved.write_text("0")
    stand_in = tmp_path / "stand-in"
    stand_in.mkdir()
    (stand_in / "sitecustomize.py").write_text(MOVED_BY.format(file=str(moved)))
    server = serve(
        PYTHONPATH=f"{stand_in}:{PACKAGE}",
        LOCKS_ENABLED="true",
        SYNC_INTERVAL_MS=1000,
        RATE_LIMIT_RPS=1000,
        RATE_LIMIT_BURST=2000,
    )
    workers = server.workers()
    with server.client() as client:
        stock(client, "sku-1", 10)
        answer = adjust(client, "sku-1", 1, "key")
        before = logged_at(server)

        replace(moved, str(hours * 3600))

        later = adjust(client, "sku-1", 1)
        assert later.status == 200
        assert abs(instant(later) - instant(answer)) < MINUTES
        assert adjust(client, "sku-1", 1, "key").body == answer.body
        until("a pass", lambda: server.get("/sync/status")["asOfSequence"] == later.json["sequence"])
        assert client.get("/health/readiness").status == 200
        # That the time was moved at all.
        assert abs(logged_at(server) - before - hours * HOUR) < MINUTES
    assert server.workers() == workers
    assert server.end() == 0
    assert_whole(server.data_dir)
