"""A file that processes share is removed or replaced under them: they stop, tell nothing old, and nothing is lost."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.folder import ONE, Folder, add, wait_until
from support.given import all_stock

from inventory.domain.errors import StorageUnavailable
from inventory.eventlog.append_lock import AppendLock
from inventory.eventlog.errors import FolderReplaced, StateUnusable
from inventory.eventlog.ledger import FileLedger
from inventory.eventlog.shared_header import SharedState

SHARED = ("locks/state", "locks/append", "locks/append-turn", "locks", "events")
READS: tuple[Callable[[FileLedger], object], ...] = (
    lambda ledger: ledger.record(ONE),
    lambda ledger: ledger.central_stock(ONE.sku),
    all_stock,
    lambda ledger: ledger.history.latest(),
    lambda ledger: ledger.history.events(1, 1, archived=True),
)


def remove(path: Path) -> None:
    path.rename(path.with_name(f"{path.name}.gone"))


def replace(path: Path) -> None:
    remove(path)
    gone = path.with_name(f"{path.name}.gone")
    shutil.copytree(gone, path) if gone.is_dir() else shutil.copy(gone, path)


@pytest.mark.parametrize("lose", [remove, replace])
@pytest.mark.parametrize("name", SHARED)
def test_a_process_that_has_lost_a_shared_file_tells_nothing_more_takes_no_change_and_ends(
    folder: Folder, name: str, lose: Callable[[Path], None]
):
    dead: list[bool] = []
    ledger = folder.start(on_committer_death=lambda: dead.append(True))
    add(ledger)
    before = folder.log()
    lose(folder.layout.root / name)
    wait_until(lambda: ledger.shared.lost is not None)
    for read in READS:
        with pytest.raises(StorageUnavailable, match=r"was removed|was replaced"):
            read(ledger)
    wait_until(lambda: bool(dead))
    with pytest.raises(StorageUnavailable) as refusal:
        add(ledger)
    assert refusal.value.outcome == "none"
    assert str(folder.layout.root / name) in (ledger.status().read_only or "")
    if (folder.layout.root / "events").exists():
        assert folder.log() == before


def test_a_process_that_waits_for_the_lock_tells_nothing_old_either(folder: Folder):
    ledger = folder.start()
    add(ledger)
    held = AppendLock(folder.layout.append_lock, folder.layout.events)
    with held:
        ticket = ledger.submit((ONE,), lambda *_: pytest.fail("it was decided"))
        wait_until(lambda: ledger._lock.waits_for is not None)
        remove(folder.layout.shared_state)
        wait_until(lambda: ledger.shared.lost is not None)
        with pytest.raises(StorageUnavailable, match="was removed"):
            ledger.record(ONE)
    with pytest.raises(StorageUnavailable):
        ticket.wait()
    held.close()


def test_nothing_is_confirmed_whose_marks_are_lost_between_its_write_and_its_sync(folder: Folder):
    ledger = folder.start()
    add(ledger)
    ledger.shared.publish(ledger.shared.published()._replace(sequence=2))
    ledger.shared.detach("locks/state was removed")
    with pytest.raises(StorageUnavailable, match="was removed"):
        ledger._durability.ensure(2)


def test_two_locks_on_two_files_of_one_name_are_never_both_held(folder: Folder):
    folder.prepare()
    path, log = folder.layout.append_lock, folder.layout.events
    first = AppendLock(path, log)
    with first:
        path.unlink()
        second = AppendLock(path, log)
        assert not second.enter_within(0.05, sleep=lambda _: None)
    assert second.enter_within(0.05)
    second.__exit__(None, None, None)
    with pytest.raises(FolderReplaced), first:
        pytest.fail("a lock was taken whose file is another's by now")
    first.close()
    second.close()


def test_who_opens_a_folder_makes_no_marks_and_says_what_does(folder: Folder):
    folder.prepare()
    folder.layout.shared_state.unlink()
    with pytest.raises(StateUnusable, match="inventory sync"):
        SharedState(folder.layout.shared_state)
    assert not folder.layout.shared_state.exists()


def test_a_process_that_opens_the_folder_after_the_next_start_has_everything(folder: Folder):
    lost = folder.start()
    add(lost)
    remove(folder.layout.shared_state)
    ledger = folder.start()
    assert add(ledger).event.sequence == 2
    wait_until(lambda: lost.shared.lost is not None)
    assert folder.open().record(ONE) == ledger.record(ONE)
    assert folder.verify().ok
