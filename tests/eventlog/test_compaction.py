"""Compaction: segments that no start needs leave the log, and the only copy of an event is never removed."""

import errno
import shutil

import pytest
from support.folder import Folder, Shim, add, failing
from support.given import WRITER, deciding, item

from inventory.domain.commands import WantedLine
from inventory.domain.errors import StorageUnavailable
from inventory.domain.hold_commands import Command, ExtendHold, HoldStock
from inventory.domain.key_table import IdempotencyKey
from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.ledger import FileLedger

SMALL = 4096
ONE, TWO = item("sku-1"), item("sku-2")


def write(ledger: FileLedger, events: int) -> None:
    for number in range(events):
        add(ledger, 1, (ONE, TWO)[number % 2], key=f"{ledger.status().sequence}-{number}")


def compacted(folder: Folder, **options: object) -> FileLedger:
    """A log of several segments with two snapshots, and all that may be in the archive there."""
    ledger = folder.start(segment_bytes=SMALL, **options)
    write(ledger, 40)
    ledger.log_maintenance.take_snapshot()
    write(ledger, 20)
    ledger.log_maintenance.take_snapshot()
    folder.machine.up += WRITER.key_ttl_ms * 1000 + 1
    ledger.log_maintenance.compact()
    return ledger


def test_segments_below_the_older_of_two_snapshots_go_to_the_archive(folder: Folder):
    compacted(folder)
    moved, kept = folder.layout.archived_segments(), folder.layout.segments()
    assert moved
    assert moved[0] == 1
    assert max(moved) < kept[0] <= 41
    assert kept[1] > 40


def test_with_one_snapshot_nothing_moves(folder: Folder):
    ledger = folder.start(segment_bytes=SMALL)
    write(ledger, 40)
    ledger.log_maintenance.take_snapshot()
    folder.machine.up += WRITER.key_ttl_ms * 1000 + 1
    assert ledger.log_maintenance.compact() == 0


def test_a_segment_stays_while_a_key_in_it_may_be_asked_for(folder: Folder):
    ledger = folder.start(segment_bytes=SMALL)
    write(ledger, 40)
    ledger.log_maintenance.take_snapshot()
    add(ledger)
    ledger.log_maintenance.take_snapshot()
    folder.machine.up += WRITER.key_ttl_ms * 1000 - 1
    assert ledger.log_maintenance.compact() == 0


def test_a_damaged_snapshot_does_not_count(folder: Folder):
    ledger = folder.start(segment_bytes=SMALL)
    write(ledger, 40)
    path = folder.layout.snapshot(ledger.log_maintenance.take_snapshot())
    add(ledger)
    ledger.log_maintenance.take_snapshot()
    folder.machine.up += WRITER.key_ttl_ms * 1000 + 1
    path.write_bytes(path.read_bytes()[:-3])
    assert (ledger.log_maintenance.compact(), folder.layout.archived_segments()) == (0, [])


def test_a_start_without_snapshots_reads_the_archive(folder: Folder):
    before = compacted(folder).record(ONE)
    folder.close()
    shutil.rmtree(folder.layout.snapshots)
    ledger = folder.start(segment_bytes=SMALL)
    assert ledger.record(ONE) == before
    write(ledger, 3)
    assert folder.verify().ok


def test_a_process_that_is_behind_follows_through_the_archive(folder: Folder):
    behind = folder.start(segment_bytes=SMALL)
    behind.changes.close()
    ledger = compacted(folder)
    assert folder.layout.archived_segments()
    assert behind.record(ONE) == ledger.record(ONE)


def test_the_whole_history_verifies_after_compaction(folder: Folder):
    compacted(folder)
    assert (folder.verify().problems, folder.verify().checked_sequence) == ([], 60)


def test_a_damaged_archive_is_named(folder: Folder):
    compacted(folder)
    archived = folder.layout.archived(1)
    archived.write_bytes(archived.read_bytes()[:-20])
    assert [str(archived) in problem for problem in folder.verify().problems] == [True]


def test_without_snapshots_and_without_the_beginning_nothing_starts(folder: Folder):
    compacted(folder)
    folder.close()
    shutil.rmtree(folder.layout.snapshots)
    folder.layout.archived(1).unlink()
    with pytest.raises(LogDamaged, match="this part of the log is missing"):
        folder.prepare()


def test_without_the_beginning_the_rest_verifies_from_a_snapshot(folder: Folder):
    compacted(folder)
    for segment in folder.layout.archived_segments():
        folder.layout.archived(segment).unlink()
    assert (folder.verify().problems, folder.verify().checked_sequence) == ([], 60)


@pytest.mark.parametrize("call", ["write", "fsync", "rename", "sync_folder"])
def test_a_segment_that_cannot_be_archived_stays_in_the_log(folder: Folder, call: str):
    ledger = folder.start(segment_bytes=SMALL)
    write(ledger, 40)
    for _ in range(2):
        ledger.log_maintenance.take_snapshot()
        add(ledger)
    folder.machine.up += WRITER.key_ttl_ms * 1000 + 1
    disk = Shim()
    other = folder.open(disk)
    segments = folder.layout.segments()
    disk.instead[call] = failing(OSError(errno.EIO, "injected"))
    with pytest.raises(StorageUnavailable, match="cannot compact the log"):
        other.log_maintenance.compact()
    assert folder.layout.segments() == segments
    disk.instead.clear()
    assert folder.verify().ok


def test_when_the_keys_of_an_idle_log_have_ended_there_is_something_to_compact(folder: Folder):
    ledger = folder.start(segment_bytes=SMALL)
    write(ledger, 40)
    ledger.log_maintenance.take_snapshot()
    write(ledger, 1)
    ledger.log_maintenance.take_snapshot()
    folder.machine.up += WRITER.key_ttl_ms * 1000 - 1
    assert not ledger.log_maintenance.can_compact()
    folder.machine.up += 10_000
    assert ledger.log_maintenance.can_compact()
    assert ledger.log_maintenance.compact() > 1
    assert not ledger.log_maintenance.can_compact()


def test_what_lies_behind_the_newest_snapshot_is_counted_in_events_and_bytes_over_segments(folder: Folder):
    ledger = folder.start(segment_bytes=SMALL)
    assert ledger.log_maintenance.since_snapshot() == (0, 0)
    write(ledger, 10)
    assert ledger.log_maintenance.since_snapshot() == (10, len(folder.log()))
    ledger.log_maintenance.take_snapshot()
    before = len(folder.log())
    for _ in range(2):
        assert ledger.log_maintenance.since_snapshot() == (ledger.status().sequence - 10, len(folder.log()) - before)
        write(ledger, 30)
    assert len(folder.layout.segments()) > 2


def test_a_snapshot_that_cannot_be_used_leaves_all_bytes_to_be_read(folder: Folder):
    ledger = folder.start()
    write(ledger, 10)
    path = folder.layout.snapshot(ledger.log_maintenance.take_snapshot())
    path.write_bytes(path.read_bytes().replace(b'"snapshot":3', b'"snapshot":9'))
    assert folder.open().log_maintenance.since_snapshot().bytes == len(folder.log())


def do(ledger: FileLedger, command: Command, key: str | None = None) -> None:
    ledger.submit(command.entities, deciding(command), key and IdempotencyKey(key, "hash")).wait()


def test_what_the_answer_to_a_key_is_rebuilt_from_may_not_be_deleted(folder: Folder):
    ledger = folder.start(segment_bytes=SMALL)
    write(ledger, 40)
    do(ledger, HoldStock("old", (WantedLine(ONE, 2),)))
    made = ledger.status().sequence
    folder.machine.up += 3 * WRITER.key_ttl_ms * 1000
    write(ledger, 20)
    folder.machine.up += 3 * WRITER.key_ttl_ms * 1000
    end = folder.layout.segments()[-1]
    assert ledger.log_maintenance.needed_from() == end
    do(ledger, ExtendHold("old", 10**9), "longer")
    needed = ledger.log_maintenance.needed_from()
    assert needed == max(first for first in folder.layout.segments() if first <= made)
    assert needed < end
    folder.machine.up += 3 * WRITER.key_ttl_ms * 1000
    assert ledger.log_maintenance.needed_from() == folder.layout.segments()[-1]
