"""The append lock: one holder at a time, and no process is kept out by another that takes it repeatedly."""

import fcntl
import threading
from pathlib import Path

import pytest
from support.waiting import until

from inventory.domain.errors import StorageUnavailable
from inventory.eventlog.append_lock import AppendLock
from inventory.settings import Settings
from inventory.wiring import build_services, prepare


def is_waited_for(path: Path) -> bool:
    """Whether a process has the file of the turn locked, and so waits for the lock."""
    with open(path.with_name(f"{path.name}-turn"), "a") as probe:
        try:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_who_waits_has_the_lock_before_its_holder_has_it_again(tmp_path: Path):
    path, order = tmp_path / "append", []
    busy, patient = AppendLock(path, tmp_path), AppendLock(path, tmp_path)

    def wait_once() -> None:
        with patient:
            order.append("patient")

    waiter = threading.Thread(target=wait_once)
    with busy:
        waiter.start()
        until("is_waited_for(path)", lambda: is_waited_for(path))
    with busy:
        order.append("busy again")
    waiter.join()

    assert order == ["patient", "busy again"]


def test_a_lock_that_is_free_is_not_waited_for(tmp_path: Path):
    path = tmp_path / "append"
    with AppendLock(path, tmp_path):
        assert not is_waited_for(path)


def test_a_process_whose_folder_was_moved_away_is_not_ready_and_makes_no_new_one(tmp_path: Path):
    settings = Settings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    prepare(settings)
    services = build_services(settings)
    settings.data_dir.rename(tmp_path / "elsewhere")
    with pytest.raises(StorageUnavailable):
        services.sync.sync_once(force=True)
    assert "was removed" in (services.ledger.status().read_only or "")
    services.close()
    assert not settings.data_dir.exists()
