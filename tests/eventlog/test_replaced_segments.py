"""A file of the log that is removed or replaced under running processes takes no confirmed change with it."""

import errno
import shutil

import pytest
from support.folder import SECONDS, Folder, Gate, Shim, add, failing, wait_until
from support.given import adding, item

from inventory.domain.errors import StorageUnavailable
from inventory.eventlog.durability import Durability
from inventory.eventlog.errors import StateUnusable

ONE, TWO = item("sku-1"), item("sku-2")


def test_after_the_newest_file_is_removed_nothing_is_confirmed(folder: Folder):
    dead = []
    ledger = folder.start(on_committer_death=lambda: dead.append(True))
    add(ledger)
    folder.layout.segment(1).unlink()
    with pytest.raises(StorageUnavailable):
        add(ledger)
    wait_until(lambda: bool(dead))
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
        with pytest.raises(StorageUnavailable, match="cannot be opened"):
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


def test_marks_that_are_damaged_are_made_anew_by_the_next_start(folder: Folder):
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
