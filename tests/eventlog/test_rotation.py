"""A log of many files is one log."""

import errno

import pytest
from support.children import run_on
from support.folder import ONE, Folder, Shim, add, failing
from support.logs import history

from inventory.domain.errors import StorageUnavailable
from inventory.service.ports.event_history import HistoryGone

TINY = 4096
EVENTS = 60


def test_a_file_that_is_full_is_followed_by_a_new_one(folder: Folder):
    ledger = folder.start(segment_bytes=TINY)
    for _ in range(EVENTS):
        add(ledger)
    sizes = [folder.layout.segment(first).stat().st_size for first in folder.layout.segments()]
    assert len(sizes) > 4
    assert all(TINY <= size < 2 * TINY for size in sizes[:-1])


def test_another_process_follows_into_the_new_files_and_back(folder: Folder):
    ledgers = [folder.start(segment_bytes=TINY), folder.open(segment_bytes=TINY)]
    for number in range(EVENTS):
        assert add(ledgers[number % 2]).record.on_hand == number + 1
        assert ledgers[(number + 1) % 2].record(ONE).on_hand == number + 1
    assert len(folder.layout.segments()) > 4


def test_a_key_is_found_in_an_older_file(folder: Folder):
    ledger = folder.start(segment_bytes=TINY)
    first = add(ledger, key="first")
    for _ in range(EVENTS):
        add(ledger)
    assert [add(process, key="first") for process in (ledger, folder.open())] == [first._replace(replayed=True)] * 2


def test_a_key_whose_file_is_gone_is_refused_and_not_used_again(folder: Folder):
    ledger = folder.start(segment_bytes=TINY)
    add(ledger, key="first")
    for _ in range(EVENTS):
        add(ledger)
    folder.layout.segment(1).rename(folder.layout.root / "elsewhere")
    with pytest.raises(HistoryGone):
        add(ledger, key="first")
    assert ledger.record(ONE).on_hand == EVENTS + 1


@pytest.mark.parametrize("reboots", [True, False])
def test_many_files_are_whole_after_a_restart(folder: Folder, reboots: bool):
    ledger = folder.start(segment_bytes=TINY)
    for _ in range(EVENTS):
        add(ledger)
    folder.close()
    if reboots:
        folder.machine.reboot()
    assert add(folder.start(segment_bytes=TINY)).record.on_hand == EVENTS + 1
    assert folder.verify().checked_sequence == EVENTS + 1
    assert folder.verify().ok


def test_a_file_is_synced_before_the_next_one_begins(folder: Folder):
    disk = Shim()
    ledger = folder.start(disk, segment_bytes=TINY)
    while len(folder.layout.segments()) == 1:
        disk.calls.clear()
        add(ledger)
    assert disk.calls == ["sync_folder", "append", "fdatasync"]


def test_what_a_dead_writer_left_is_synced_before_the_next_file_begins(folder: Folder):
    folder.prepare()
    disk = Shim()
    ledger = folder.open(disk, segment_bytes=TINY)
    folder.layout.segment(1).write_bytes(b"".join(history(12)))
    disk.calls.clear()
    assert add(ledger).record.on_hand == 13
    assert disk.calls == ["fdatasync", "sync_folder", "append", "fdatasync"]


def test_a_new_file_that_cannot_be_had_refuses_the_change(folder: Folder):
    disk = Shim()
    ledger = folder.start(disk, segment_bytes=TINY)
    while len(folder.log()) < TINY:
        add(ledger)
    disk.instead["sync_folder"] = failing(OSError(errno.EIO, "injected"))
    for _ in range(3):
        with pytest.raises(StorageUnavailable, match="cannot begin a new file") as refusal:
            add(ledger)
        assert refusal.value.outcome == "none"
    del disk.instead["sync_folder"]
    before = ledger.record(ONE).on_hand
    assert add(ledger).record.on_hand == before + 1
    assert folder.verify().ok


def full_file_and_an_empty_one(folder: Folder) -> int:
    """What a writer leaves that dies between making a new file and telling of it; returns the events."""
    lines = history(12)
    folder.prepare()
    folder.layout.segment(1).write_bytes(b"".join(lines))
    folder.prepare()
    folder.layout.segment(13).touch()
    return len(lines)


@pytest.mark.parametrize("restarts", [True, False])
def test_a_new_file_that_no_process_was_told_of_is_used(folder: Folder, restarts: bool):
    events = full_file_and_an_empty_one(folder)
    ledger = folder.start(segment_bytes=TINY) if restarts else folder.open(segment_bytes=TINY)
    assert add(ledger).record.on_hand == events + 1
    assert (folder.layout.segment(13).stat().st_size > 0, folder.verify().problems) == (True, [])


def test_a_writer_that_dies_while_it_begins_a_new_file_does_no_harm(folder: Folder):
    folder.prepare()
    status, said = run_on(
        folder,
        f"""
        disk = Shim()
        disk.instead["sync_folder"] = lambda path: os._exit(7)
        ledger = folder.open(disk, segment_bytes={TINY})
        while True:
            say(add(ledger).record.on_hand)
        """,
    )
    ledger = folder.open(segment_bytes=TINY)
    assert (status, ledger.record(ONE).on_hand) == (7, len(said))
    assert add(ledger).record.on_hand == len(said) + 1
    assert folder.verify().ok


def test_a_process_with_larger_files_does_not_write_past_a_new_one_that_no_process_was_told_of(folder: Folder):
    events = full_file_and_an_empty_one(folder)
    add(folder.open(segment_bytes=1 << 26))
    folder.close()
    ledger = folder.start(segment_bytes=1 << 26)
    assert (ledger.record(ONE).on_hand, folder.layout.segments()) == (events + 1, [1, events + 1])
