"""The server logs its worker class, and on an unknown release of gunicorn it still runs."""

import sys

import pytest
from support.client import adjust, record_path, stock
from support.running_server import RunningServer

# gunicorn's own command, on a gunicorn that has become another one.
OTHER_RELEASE = """
import gunicorn
gunicorn.__version__ = "27.99.0"
from gunicorn.arbiter import Arbiter
from gunicorn.http.message import Message
from gunicorn.workers import gthread
import inventory.server.gunicorn_conf as shipped
globals().update({name: value for name, value in vars(shipped).items() if not name.startswith("_")})
"""


def told(server: RunningServer) -> tuple[str, str]:
    """The class that the first line of the log names, and the one that readiness names."""
    first = next(line for line in server.stderr.read_text().splitlines() if line.startswith("{"))
    named = first.split("worker class ")[1].split(" ")[0]
    return named, server.get("/health/readiness")["workerClass"]


@pytest.mark.both_worker_classes
def test_the_first_line_of_the_log_and_readiness_name_the_class(server: RunningServer, worker_class: str) -> None:
    assert told(server) == (worker_class, worker_class)


def test_on_a_release_that_is_not_known_the_service_takes_changes_and_ends_as_ever(data_dir, tmp_path) -> None:
    settings = tmp_path / "other_release.py"
    settings.write_text(OTHER_RELEASE)
    data_dir.mkdir()
    command = (sys.executable, "-m", "gunicorn", "-c", str(settings), "inventory.web.wsgi:app")
    server = RunningServer(data_dir, tmp_path, command)
    try:
        server.start()
        with server.client() as client:
            stock(client, "sku-1", 5)
            assert adjust(client, "sku-1", -2).status == 200
        assert told(server) == ("gthread", "gthread")
        assert server.get(record_path("sku-1"))["qty"] == 3
        assert server.end() == 0
    finally:
        server.close()
