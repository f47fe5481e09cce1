"""The append lock: one holder at a time, and nobody is kept out by one who wants it again and again."""

import fcntl
import threading
from pathlib import Path

from eventlog.folder import wait_until

from inventory.eventlog.append_lock import AppendLock


def is_waited_for(path: Path) -> bool:
    """Whether somebody has the turn, and so waits for the lock."""
    with open(path.with_name(f"{path.name}-turn"), "a") as probe:
        try:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_who_waits_has_the_lock_before_its_holder_has_it_again(tmp_path: Path):
    path, order = tmp_path / "append", []
    busy, patient = AppendLock(path), AppendLock(path)

    def wait_once() -> None:
        with patient:
            order.append("patient")

    waiter = threading.Thread(target=wait_once)
    with busy:
        waiter.start()
        wait_until(lambda: is_waited_for(path))
    with busy:
        order.append("busy again")
    waiter.join()

    assert order == ["patient", "busy again"]


def test_a_lock_that_is_free_is_not_waited_for(tmp_path: Path):
    path = tmp_path / "append"
    with AppendLock(path):
        assert not is_waited_for(path)
