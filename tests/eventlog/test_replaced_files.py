"""A file that processes share is removed or replaced: they stop, no read is out of date, and no change is lost."""

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.folder import ONE, SECONDS, TWO, Folder, Gate, Shim, add, failing
from support.given import adding, all_stock
from support.waiting import until

from inventory.domain.errors import StorageUnavailable
from inventory.eventlog.append_lock import AppendLock
from inventory.eventlog.durability import Durability
from inventory.eventlog.errors import FolderReplaced, StateUnusable
from inventory.eventlog.ledger import FileLedger
from inventory.eventlog.shared_header import SharedHeader

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
    until("ledger.shared.lost is not None", lambda: ledger.shared.lost is not None)
    for read in READS:
        with pytest.raises(StorageUnavailable, match=r"was removed|was replaced"):
            read(ledger)
    until("dead", lambda: bool(dead))
    with pytest.raises(StorageUnavailable) as refusal:
        add(ledger)
    assert refusal.value.outcome == "none"
    assert str(folder.layout.root / name) in (ledger.status().read_only or "")
    if (folder.layout.root / "events").exists():
        assert folder.log() == before


@pytest.mark.parametrize("lose", [remove, replace])
def test_a_change_that_comes_before_anything_has_noticed_the_loss_is_refused_too(
    folder: Folder, lose: Callable[[Path], None]
):
    ledger = folder.start()
    add(ledger)
    ledger._watch.close()
    before = folder.log()
    lose(folder.layout.root / "locks/state")
    with pytest.raises(StorageUnavailable, match=r"was removed|was replaced") as refusal:
        add(ledger)
    assert (refusal.value.outcome, folder.log()) == ("none", before)


def test_a_process_that_waits_for_the_lock_tells_nothing_old_either(folder: Folder):
    ledger = folder.start()
    add(ledger)
    held = AppendLock(folder.layout.append_lock, folder.layout.events)
    with held:
        ticket = ledger.submit((ONE,), lambda *_: pytest.fail("it was decided"))
        until("ledger._lock.waits_for is not None", lambda: ledger._lock.waits_for is not None)
        remove(folder.layout.shared_header)
        until("ledger.shared.lost is not None", lambda: ledger.shared.lost is not None)
        with pytest.raises(StorageUnavailable, match="was removed"):
            ledger.record(ONE)
    with pytest.raises(StorageUnavailable):
        ticket.wait()
    held.close()


def test_no_change_is_confirmed_whose_shared_header_is_lost_between_its_write_and_its_flush(folder: Folder):
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


def test_a_process_that_opens_a_folder_makes_no_shared_header_and_names_the_command_that_does(folder: Folder):
    folder.prepare()
    folder.layout.shared_header.unlink()
    with pytest.raises(StateUnusable, match="inventory sync"):
        SharedHeader(folder.layout.shared_header)
    assert not folder.layout.shared_header.exists()


def test_a_process_that_opens_the_folder_after_the_next_start_has_everything(folder: Folder):
    lost = folder.start()
    add(lost)
    remove(folder.layout.shared_header)
    ledger = folder.start()
    assert add(ledger).event.sequence == 2
    until("lost.shared.lost is not None", lambda: lost.shared.lost is not None)
    assert folder.open().record(ONE) == ledger.record(ONE)
    assert folder.verify().ok


def test_after_the_newest_file_is_removed_nothing_is_confirmed(folder: Folder):
    dead = []
    ledger = folder.start(on_committer_death=lambda: dead.append(True))
    add(ledger)
    folder.layout.segment(1).unlink()
    with pytest.raises(StorageUnavailable):
        add(ledger)
    until("dead", lambda: bool(dead))
    assert not folder.layout.segment(1).exists()


def test_after_the_newest_file_is_replaced_by_a_copy_nothing_is_confirmed_that_the_copy_lacks(folder: Folder):
    ledger = folder.start()
    add(ledger)
    path = folder.layout.segment(1)
    shutil.copy(path, path.with_suffix(".copy"))
    path.with_suffix(".copy").replace(path)
    before = path.read_bytes()
    with pytest.raises(StorageUnavailable):
        add(ledger)
    assert path.read_bytes() == before


def test_a_file_that_cannot_be_opened_is_not_taken_for_a_failed_sync(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    add(folder.start())
    shared = folder.marks()
    durability = Durability(folder.layout, shared, Shim(), 1000)
    shared.publish(shared.published()._replace(sequence=2))
    with monkeypatch.context() as patched:
        patched.setattr("os.open", failing(OSError(errno.EMFILE, "Too many open files")))
        with pytest.raises(StorageUnavailable, match="cannot open"):
            durability.ensure(2)
    assert not shared.failed
    durability.ensure(2)
    durability.close()
    shared.close()


def test_a_slot_of_an_older_generation_is_not_believed(folder: Folder):
    folder.prepare()
    shared = folder.marks()
    for _ in range(3):
        shared.publish(shared.published())
    # As a processor may show it that orders stores weakly: the generation is there, the slot not yet.
    shared._items[6] += 1
    with pytest.raises(StateUnusable):
        shared.published()
    shared.close()


def test_a_damaged_shared_header_is_made_again_by_the_next_start(folder: Folder):
    last = add(folder.start()).event
    folder.close()
    shared = folder.marks()
    shared._items[16], shared._items[24] = 77, 77
    shared.close()
    assert folder.verify().ok
    assert folder.start().status().sequence == last.sequence


def test_the_central_view_does_not_wait_for_a_committing_thread_that_waits_for_the_disk(folder: Folder):
    disk, gate = Shim(), Gate()
    waiting, other = folder.start(disk), folder.open()
    disk.instead["fdatasync"] = gate
    ticket = waiting.submit((ONE,), adding((ONE, 1)))
    assert gate.reached.wait(SECONDS)
    after = add(other, at=TWO).event
    assert waiting.central_stock(TWO.sku).as_of_sequence == after.sequence
    gate.open()
    ticket.wait()
