"""The ledger of a worker that cannot open its folder: it boots, refuses every request, and ends for the next one."""

import threading
from collections.abc import Callable

import pytest

from inventory.domain.errors import StorageUnavailable
from inventory.domain.values import item_id
from inventory.settings import Settings
from inventory.wiring import build, build_worker_services


class Timers:
    """Timers that never fire, and what they would have called."""

    def __init__(self) -> None:
        self.started: list[Callable[[], None]] = []

    def __call__(self, seconds: float, action: Callable[[], None]) -> threading.Thread:
        return threading.Thread(target=lambda: self.started.append(action))


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    timers = Timers()
    monkeypatch.setattr(build.threading, "Timer", timers)
    return timers


def test_a_worker_that_cannot_open_its_folder_refuses_everything_and_says_why(timers: Timers, tmp_path):
    services = build_worker_services(Settings(data_dir=tmp_path / "gone"))
    assert "could not open" in (services.ledger.status().read_only or "")
    for refused in (lambda: services.stock.record(item_id("store-1", "sku-1")), services.sync.sync_once):
        with pytest.raises(StorageUnavailable, match="could not open"):
            refused()


def test_it_ends_itself_after_a_while_so_that_the_next_one_tries_again(timers: Timers, tmp_path):
    build_worker_services(Settings(data_dir=tmp_path / "gone"))
    assert timers.started == [build._end_this_worker]
