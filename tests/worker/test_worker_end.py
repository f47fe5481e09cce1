"""What a worker does last, by how it was ended."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import prometheus_client  # noqa: F401 - first here: it looks once for a variable that other tests set
import pytest
from worker.stand_ins import master, services, worker

from inventory.settings import Settings
from inventory.worker import hooks as hooks_module
from inventory.worker.hooks import Hooks


@pytest.fixture
def hooks(tmp_path: Path) -> Hooks:
    return Hooks(Settings(data_dir=tmp_path))


def serving(hooks: Hooks, **given: Any) -> tuple[SimpleNamespace, Mock]:
    """A worker at work, and its sync, which has something to publish."""
    sync = Mock(age_ms=lambda: 5)
    actions = {"sync": lambda: None, "upkeep": lambda: None}
    at_work = services(sync=sync, periodic_actions=lambda: actions)
    made = worker(wsgi=SimpleNamespace(extensions={"inventory": at_work}), **given)
    hooks.post_worker_init(made)
    return made, sync


def test_a_worker_whose_requests_are_done_publishes_a_last_time(hooks: Hooks) -> None:
    ending, sync = serving(hooks, drained=True)
    hooks.worker_exit(master(), ending)
    sync.sync_once.assert_called_once()


def test_a_worker_that_is_ended_quickly_publishes_nothing(hooks: Hooks) -> None:
    ending, sync = serving(hooks, drained=False)
    hooks.worker_exit(master(), ending)
    sync.sync_once.assert_not_called()


def test_the_lines_of_the_last_pass_are_written_before_the_worker_ends(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.setattr(hooks_module.logs, "flush", lambda: order.append("flushed"))
    ending, sync = serving(hooks, drained=True)
    sync.sync_once.side_effect = lambda **_: order.append("published") or SimpleNamespace(as_of_sequence=1)
    hooks.worker_exit(master(), ending)
    assert order == ["published", "flushed"]
