"""Which worker class serves, and that gunicorn's own one uses nothing of the seam."""

import logging
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import prometheus_client  # noqa: F401 - first here: it looks once for a variable that other tests set
import pytest
from gunicorn.config import Config
from gunicorn.workers.gthread import ThreadWorker
from support.gunicorn_stand_ins import master, services

from inventory.server.hooks import Hooks
from inventory.server.worker import InventoryWorker
from inventory.server.worker_class import KNOWN_RELEASES, class_of, drop_stalled_clients, gunicorns_name, log_choice
from inventory.settings import Settings

KNOWN, UNKNOWN = KNOWN_RELEASES[-1], "27.99.0"
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@pytest.mark.parametrize(
    ("asked_for", "release", "serves"),
    [("inventory", KNOWN, InventoryWorker), ("inventory", UNKNOWN, ThreadWorker), ("gthread", KNOWN, ThreadWorker)],
)
def test_the_services_own_class_serves_if_it_is_asked_for_and_was_made_for_the_release(
    asked_for: str, release: str, serves: type
) -> None:
    config = Config()
    config.set("worker_class", gunicorns_name(Settings(worker_class=asked_for), release))
    assert config.worker_class is serves


@pytest.mark.parametrize(
    ("asked_for", "release", "level", "words"),
    [
        ("inventory", KNOWN, "INFO", f"worker class inventory on gunicorn {KNOWN}"),
        ("gthread", KNOWN, "INFO", f"worker class gthread on gunicorn {KNOWN}"),
        ("inventory", UNKNOWN, "WARNING", f"worker class gthread on gunicorn {UNKNOWN}"),
    ],
)
def test_the_log_names_the_class_and_warns_of_a_release_that_is_not_known(
    caplog: pytest.LogCaptureFixture, asked_for: str, release: str, level: str, words: str
) -> None:
    caplog.set_level("INFO")
    name = gunicorns_name(Settings(worker_class=asked_for), release)
    log_choice(logging.getLogger("test.gunicorn"), name, release)
    (record,) = caplog.records
    assert (record.levelname, words in record.getMessage()) == (level, True)


def test_the_hooks_and_the_settings_load_nothing_of_the_seam() -> None:
    loads = (
        "import sys; import inventory.server.gunicorn_conf; sys.exit('inventory.server.gunicorn_seam' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", loads], check=False, timeout=60).returncode == 0


@pytest.fixture
def gunicorns() -> Iterator[tuple[SimpleNamespace, list[int]]]:
    """A worker as gunicorn's own class is, and the signals that its own handlers are given."""
    taken: list[int] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, lambda number, _: taken.append(number))
    made = SimpleNamespace(log=logging.getLogger("test.gunicorn"), core=None, cfg=Config(), sockets=[])
    yield made, taken
    for number, handler in before.items():
        signal.signal(number, handler)


def begun(hooks: Hooks, worker: SimpleNamespace, **given: Any) -> SimpleNamespace:
    at_work = services(**given)
    worker.wsgi = SimpleNamespace(extensions={"inventory": at_work})
    hooks.post_worker_init(worker)
    return at_work


@pytest.fixture
def off(settings: Settings) -> Hooks:
    return Hooks(Settings(data_dir=settings.data_dir, sync_mode="off"))


@pytest.mark.parametrize("first", SIGNALS)
def test_gunicorns_own_ends_gently_at_the_first_signal_and_sends_waiting_readers_home(
    off: Hooks, gunicorns: tuple[SimpleNamespace, list[int]], first: int
) -> None:
    worker, taken = gunicorns
    at_work = begun(off, worker, stopping=threading.Event())
    assert not at_work.stopping.is_set()
    signal.raise_signal(first)
    assert (at_work.stopping.is_set(), taken, worker.drained) == (True, [signal.SIGTERM], True)


def test_gunicorns_own_that_is_ended_quickly_has_not_drained(
    off: Hooks, gunicorns: tuple[SimpleNamespace, list[int]]
) -> None:
    worker, _ = gunicorns
    begun(off, worker)
    off.worker_int(worker)
    assert not worker.drained


def test_readiness_names_gunicorns_own(off: Hooks, gunicorns: tuple[SimpleNamespace, list[int]]) -> None:
    assert begun(off, gunicorns[0]).serving.worker_class == class_of(gunicorns[0]) == "gthread"


def test_the_threads_of_gunicorns_own_give_up_clients_that_stall(
    settings: Settings, gunicorns: tuple[SimpleNamespace, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, _ = gunicorns
    with socket.create_server(("127.0.0.1", 0)) as listener:
        worker.sockets = [listener]
        Hooks(Settings(data_dir=settings.data_dir, client_timeout_ms=20)).post_fork(master(), worker)
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            accepted.setblocking(True)
            with pytest.raises(BlockingIOError):
                accepted.recv(1)
            with pytest.raises(BlockingIOError):
                accepted.sendall(bytes(100_000_000))


def test_a_client_has_at_least_some_time() -> None:
    with socket.socket() as listener:
        drop_stalled_clients([listener], 0.001)
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16) != bytes(16)
