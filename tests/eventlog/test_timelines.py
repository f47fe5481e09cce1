"""The ids of a ledger and of its timeline: in the fold, in snapshots, and from the files of earlier versions."""

import shutil
from pathlib import Path

import orjson
import pytest
from support.dead_letters import process, states
from support.folder import Folder, Shim, add, failing
from support.given import WRITER
from support.kept_folder import KEPT
from support.timelines import begin_timeline, without_ids

from inventory.domain.errors import StorageUnavailable
from inventory.domain.state import LedgerIds
from inventory.eventlog.history import FileHistory
from inventory.eventlog.layout import Layout
from inventory.eventlog.ledger import FileLedger
from inventory.eventlog.line import FORMAT, decode, next_chain
from inventory.eventlog.log_parts import LogOptions, LogParts
from inventory.eventlog.log_reader import START, Cursor
from inventory.eventlog.snapshot import read_start
from inventory.eventlog.timeline import ids_at, restore_snapshot
from inventory.verification.verify import audit
from inventory.wiring import rebuild

FIRST_OF_KEPT = "01a2317b-4637-7b4a-a4cc-0d3151ff8773"
SMALL = 4096


def ids_of(ledger: FileLedger) -> LedgerIds:
    with ledger._parts.replica.still() as state:
        return state.ids


def first_event_id(folder: Folder) -> str:
    return orjson.loads(folder.log().splitlines()[0])["eventId"]


def written(root: Path) -> dict[str, tuple[int, bytes]]:
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in root.rglob("*") if path.is_file()}


def restored(folder: Folder, events: int = 3) -> LedgerIds:
    """A folder whose log was restored after some events, and not yet opened again; its ids."""
    ledger = folder.start()
    for _ in range(events):
        add(ledger)
    ledger_id, end = ids_of(ledger).ledger_id, ledger._parts.replica.cursor
    folder.close()
    return LedgerIds(ledger_id, begin_timeline(folder.layout, end).event.event_id)


def taken(folder: Folder, ledger: FileLedger) -> int:
    """Take a snapshot as a version without timelines does."""
    sequence = ledger.log_maintenance.take_snapshot()
    without_ids(folder.layout, sequence)
    return sequence


def test_the_ids_of_a_folder_of_915b140_follow_from_its_first_event_and_nothing_is_written(tmp_path: Path):
    shutil.copytree(KEPT, tmp_path / "data")
    layout, before = Layout(tmp_path / "data"), written(tmp_path)
    (sequence,) = layout.snapshot_sequences()
    assert read_start(layout.snapshot(sequence)).ids == LedgerIds()
    assert restore_snapshot(layout, sequence).state.ids == LedgerIds(FIRST_OF_KEPT, FIRST_OF_KEPT)
    assert ids_at(layout, sequence + 1) == LedgerIds(FIRST_OF_KEPT, FIRST_OF_KEPT)
    assert written(tmp_path) == before


def test_a_log_has_no_ids_before_its_first_event_and_keeps_those_of_its_first(folder: Folder):
    ledger = folder.start()
    assert ids_of(ledger) == LedgerIds()
    add(ledger)
    add(ledger)
    assert ids_of(ledger) == LedgerIds(first_event_id(folder), first_event_id(folder))


def test_a_process_that_has_folded_nothing_yet_reads_the_ids_from_the_log(folder: Folder):
    add(folder.start())
    parts = LogParts.opened(folder.layout, LogOptions(WRITER, machine=folder.machine))
    assert FileHistory(parts).ids() == LedgerIds(first_event_id(folder), first_event_id(folder))
    parts.close()


def test_a_first_event_that_is_not_durable_names_nothing(folder: Folder):
    disk = Shim()
    ledger = folder.start(disk)
    disk.instead["fdatasync"] = failing(OSError("injected"))
    with pytest.raises(StorageUnavailable):
        add(ledger)
    assert (ids_of(ledger).ledger_id, ledger.history.ids()) == (first_event_id(folder), LedgerIds())


def test_a_restored_log_continues_in_a_new_timeline_of_the_same_ledger(folder: Folder):
    ids = restored(folder)
    ledger = folder.start()
    outcome = add(ledger)
    assert (ids_of(ledger), outcome.event.sequence, outcome.record.on_hand) == (ids, 5, 4)
    assert ids.ledger_id != ids.timeline_id
    assert folder.verify().ok


def test_verify_audit_and_rebuild_take_a_restore_as_it_is(folder: Folder, tmp_path: Path):
    ids = restored(folder)
    ledger, image = folder.start(), tmp_path / "image"
    add(ledger)
    ledger.log_maintenance.take_snapshot()
    with image.open("wb") as file:
        ledger.log_maintenance.copy_state(file.write)
    assert [audit(folder.layout, image).problems, folder.verify().problems] == [[], []]
    folder.close()
    assert rebuild(folder.settings).as_of_sequence == 5
    assert folder.layout.snapshot_sequences() == []
    assert ids_of(folder.start()) == ids


def test_a_dead_letter_of_before_a_restore_is_settled_after_it(broken: Folder):
    lines = broken.log().splitlines()
    end = Cursor(START.position._replace(sequence=len(lines)), bytes.fromhex(orjson.loads(lines[-1])["chain"]))
    begin_timeline(broken.layout, end)
    broken.prepare()
    process(broken).letters.settle(2, None, "requeue", "anna", None)
    dead = broken.layout.dead_letters.read_bytes().splitlines(keepends=True)[0]
    broken.layout.dead_letters.write_bytes(dead)
    # Which event has settled it is then looked for in the log.
    process(broken).letters.note_new()
    assert (states(broken), broken.verify().problems) == (["dead", "requeued"], [])


def test_a_restore_of_an_empty_log_begins_a_ledger(folder: Folder):
    ids = restored(folder, events=0)
    assert ids_of(folder.start()) == LedgerIds(ids.timeline_id, ids.timeline_id)


def test_the_line_of_a_new_timeline_has_the_lowest_format_and_claims_what_is_durable(folder: Folder):
    restored(folder)
    lines = folder.log().splitlines()
    event, written_as = decode(lines[-1])
    assert next_chain(lines[-1], bytes.fromhex(orjson.loads(lines[-2])["chain"]))
    assert (written_as, FORMAT) == (2, 3)
    assert (event.type, event.lines, event.synced, event.note.reason) == ("ledger.restored", (), 3, "from a test")


def test_a_snapshot_carries_both_ids(folder: Folder):
    ids = restored(folder)
    ledger = folder.start()
    path = folder.layout.snapshot(ledger.log_maintenance.take_snapshot())
    header = orjson.loads(path.read_bytes().splitlines()[0])
    assert (header["snapshot"], header["ledgerId"], header["timelineId"]) == (3, *ids)
    assert read_start(path).ids == ids


def test_a_start_from_a_snapshot_without_ids_finds_the_timeline_in_the_segments(folder: Folder):
    ids = restored(folder)
    ledger = folder.start()
    add(ledger)
    taken(folder, ledger)
    folder.close()
    assert ids_of(folder.start()) == ids


def test_a_timeline_that_begins_after_a_snapshot_without_ids_is_not_that_of_the_snapshot(folder: Folder):
    ledger = folder.start()
    add(ledger)
    sequence = taken(folder, ledger)
    end = ledger._parts.replica.cursor
    folder.close()
    begun = begin_timeline(folder.layout, end).event.event_id
    first = first_event_id(folder)
    assert restore_snapshot(folder.layout, sequence).state.ids == LedgerIds(first, first)
    assert ids_of(folder.start()) == ids_at(folder.layout, sequence + 1) == LedgerIds(first, begun)


def archived(folder: Folder) -> tuple[LedgerIds, list[int]]:
    """A restored log whose beginning, with the begin of the timeline, is in the archive; its ids and snapshots."""
    ids = restored(folder, events=20)
    ledger = folder.start(segment_bytes=SMALL)
    sequences = []
    for _ in range(2):
        for _ in range(30):
            add(ledger)
        sequences.append(ledger.log_maintenance.take_snapshot())
    folder.machine.up += WRITER.key_ttl_ms * 1000 + 1
    ledger.log_maintenance.compact()
    folder.close()
    assert {1, 21} < set(folder.layout.archived_segments())
    assert not {1, 21} & set(folder.layout.segments())
    return ids, sequences


def test_the_segments_in_the_archive_tell_the_ids_too(folder: Folder):
    ids, sequences = archived(folder)
    for sequence in sequences:
        without_ids(folder.layout, sequence)
    assert ids_of(folder.start()) == ids


def test_a_snapshot_with_ids_outlives_the_beginning_of_the_log(folder: Folder):
    ids, sequences = archived(folder)
    without_ids(folder.layout, sequences[-1])
    for segment in (1, 21):
        folder.layout.archived(segment).unlink()
    assert ids_of(folder.start()) == ids


def test_without_the_beginning_of_the_log_the_first_event_that_is_left_names_the_ledger(folder: Folder):
    _, sequences = archived(folder)
    for sequence in sequences:
        without_ids(folder.layout, sequence)
    for segment in (1, 21):
        folder.layout.archived(segment).unlink()
    oldest = folder.layout.archived_segments()[0]
    ids = ids_at(folder.layout, sequences[-1])
    assert ids.ledger_id == ids.timeline_id
    (event,) = folder.start().history.events(oldest, 1, archived=True)
    assert event.event_id == ids.ledger_id


@pytest.mark.parametrize("content", [b"", b"no gzip", b"\x1f\x8b\x08\x00"])
def test_a_start_goes_on_without_ids_if_the_beginning_of_the_log_cannot_be_read(
    folder: Folder, content: bytes, caplog: pytest.LogCaptureFixture
):
    _, sequences = archived(folder)
    for sequence in sequences:
        without_ids(folder.layout, sequence)
    for segment in (1, 21):
        folder.layout.archived(segment).write_bytes(content)
    ledger = folder.start()
    assert ids_of(ledger) == LedgerIds()
    assert "the id of the ledger is not known" in caplog.text
    assert add(ledger).record.on_hand == 81


def test_a_damaged_snapshot_says_nothing_of_the_ids(folder: Folder):
    ids, sequences = archived(folder)
    path = folder.layout.snapshot(sequences[0])
    path.write_bytes(path.read_bytes().replace(str(ids.timeline_id).encode(), b"f" * 36, 1))
    without_ids(folder.layout, sequences[1])
    assert ids_at(folder.layout, sequences[1]) == ids
