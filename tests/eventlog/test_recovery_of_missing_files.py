"""A start on a folder in which files of the log are missing or superfluous."""

from pathlib import Path

import pytest
from support.folder import Folder, add
from support.logs import history

from inventory.eventlog.data_folder import StartRefused
from inventory.eventlog.errors import LogDamaged
from inventory.wiring import prepare

WHOLE = 12
PER_SEGMENT = 4


@pytest.fixture
def segments(folder: Folder) -> list[Path]:
    """The files of a log of three segments of four lines each, durable, from before a reboot."""
    folder.prepare()
    lines = history(WHOLE)
    for first in range(0, WHOLE, PER_SEGMENT):
        folder.layout.segment(first + 1).write_bytes(b"".join(lines[first : first + PER_SEGMENT]))
    folder.prepare()
    folder.machine.reboot()
    return [folder.layout.segment(first) for first in folder.layout.segments()]


def refuses(folder: Folder, segment: Path) -> LogDamaged:
    """Start, which is refused because of ``segment`` and changes nothing."""
    before = folder.files()
    with pytest.raises(LogDamaged) as refusal:
        folder.prepare()
    assert (refusal.value.path, folder.files()) == (segment, before)
    return refusal.value


def test_a_log_of_several_files_starts(folder: Folder, segments: list[Path]):
    assert folder.prepare().end.sequence == WHOLE


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("marks", ["kept", "deleted"])
def test_a_missing_file_that_others_follow_is_refused(folder: Folder, segments: list[Path], index: int, marks: str):
    if marks == "deleted":
        folder.layout.shared_header.unlink()
    segments[index].unlink()
    assert "missing" in refuses(folder, segments[index]).reason


def test_a_missing_last_file_is_refused_if_its_events_were_durable(folder: Folder, segments: list[Path]):
    segments[2].unlink()
    assert f"event {WHOLE} was durable" in refuses(folder, segments[1]).reason


def test_a_missing_last_file_is_refused_while_the_machine_runs(folder: Folder, segments: list[Path]):
    folder.prepare()
    segments[2].unlink()
    refuses(folder, segments[2])


@pytest.mark.parametrize("reboots", [True, False])
def test_an_emptied_folder_is_refused_if_anything_was_durable(folder: Folder, segments: list[Path], reboots: bool):
    if not reboots:
        folder.prepare()
    for segment in segments:
        segment.unlink()
    with pytest.raises(LogDamaged):
        folder.prepare()
    assert folder.files() == {}


@pytest.mark.parametrize("marks", ["kept", "deleted"])
@pytest.mark.parametrize("index", [0, 1])
def test_an_emptied_file_that_others_follow_is_refused(folder: Folder, segments: list[Path], index: int, marks: str):
    if marks == "deleted":
        folder.layout.shared_header.unlink()
    segments[index].write_bytes(b"")
    refuses(folder, segments[index])


@pytest.mark.parametrize("lost", [1, 100])
def test_a_shorter_file_that_others_follow_is_refused(folder: Folder, segments: list[Path], lost: int):
    folder.layout.shared_header.unlink()
    segments[1].write_bytes(segments[1].read_bytes()[:-lost])
    refuses(folder, segments[1])


def test_a_file_that_lacks_its_last_line_is_refused(folder: Folder, segments: list[Path]):
    folder.layout.shared_header.unlink()
    lines = segments[1].read_bytes().splitlines(keepends=True)
    segments[1].write_bytes(b"".join(lines[:-1]))
    refuses(folder, folder.layout.segment(2 * PER_SEGMENT))


def test_nuls_behind_a_file_that_others_follow_are_damage(folder: Folder, segments: list[Path]):
    folder.layout.shared_header.unlink()
    segments[0].write_bytes(segments[0].read_bytes() + bytes(10))
    refuses(folder, segments[0])


def test_swapped_files_are_refused(folder: Folder, segments: list[Path]):
    folder.layout.shared_header.unlink()
    first, second = segments[0].read_bytes(), segments[1].read_bytes()
    segments[0].write_bytes(second)
    segments[1].write_bytes(first)
    refuses(folder, segments[0])


def test_other_files_beside_the_log_do_no_harm(folder: Folder, segments: list[Path]):
    for name in ("00000000000000000001.jsonl.bak", "notes.txt", "1.jsonl", f"{13:020d}.json"):
        (folder.layout.events / name).write_bytes(b"nothing")
    assert folder.prepare().end.sequence == WHOLE


def test_a_log_longer_than_the_shared_header_says_is_taken_completely(folder: Folder):
    ledger = folder.start()
    add(ledger)
    marks = folder.layout.shared_header.read_bytes()
    add(ledger)
    folder.close()
    folder.layout.shared_header.write_bytes(marks)
    assert folder.prepare().end.sequence == 2


def test_a_refused_start_tells_the_operator_which_command_examines_the_log(folder: Folder):
    prepare(folder.settings)
    folder.layout.segment(1).write_bytes(b"nonsense\n")
    with pytest.raises(StartRefused, match=f"line 1, byte 0: (.|\n)*inventory verify --data-dir {folder.layout.root}"):
        prepare(folder.settings)


def test_a_log_that_is_gone_is_refused_where_a_published_view_proves_that_there_was_one(folder: Folder):
    add(folder.start())
    folder.close()
    folder.layout.shared_header.unlink()
    folder.layout.segment(1).unlink()
    folder.layout.store_view.write_bytes(b'{"asOfSequence":1,"records":[\n]}\n')
    with pytest.raises(LogDamaged, match="the log is gone, but event 1 was durable"):
        folder.prepare()


def test_a_line_that_a_published_view_holds_is_not_cut_as_one_that_was_never_confirmed(folder: Folder):
    add(folder.start())
    folder.close()
    folder.layout.shared_header.unlink()
    path = folder.layout.segment(1)
    path.write_bytes(path.read_bytes()[:-1])
    folder.layout.central_view.write_bytes(b'{"asOfSequence":1,"skus":[\n]}\n')
    with pytest.raises(LogDamaged, match="event 1 was durable"):
        folder.prepare()
