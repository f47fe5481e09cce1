"""Hooks as a starting master has them, with their shared memory in a folder of the test; and a worker that defers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from gunicorn.workers import gthread
from support.deferring_worker import Deferring
from support.gunicorn_stand_ins import WHOLE, master

from inventory.server import hooks as hooks_module
from inventory.server.hooks import METRICS_VARIABLE, Hooks
from inventory.server.metrics_folder import make_metrics_folder
from inventory.settings import Settings


@pytest.fixture
def metrics_parent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    parent = tmp_path / "shared-memory"
    parent.mkdir()
    monkeypatch.setenv(METRICS_VARIABLE, "an earlier one")  # and restored afterwards
    monkeypatch.setattr(hooks_module, "make_metrics_folder", lambda: make_metrics_folder(parent))
    return parent


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir()
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def hooks(settings: Settings, metrics_parent: Path) -> Iterator[Hooks]:
    made = Hooks(settings, lambda *_, **__: WHOLE)
    yield made
    made.on_exit(master())


@pytest.fixture
def deferring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deferring]:
    """A worker whose changes are answered when a test says so, and no sooner."""
    monkeypatch.setattr(gthread, "STOP_KEEPALIVE_LINGER", gthread.STOP_KEEPALIVE_LINGER)
    made = Deferring()
    made.worker.deferred.commit_seconds = 600.0
    yield made
    made.close()
