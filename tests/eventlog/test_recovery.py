"""A start on a log that was cut short, or has a torn tail or a flipped bit: it keeps the valid lines, or refuses."""

import pytest
from support.damage import LAST, LENGTH, SETTINGS, Patient
from support.folder import ONE, Folder, add
from support.logs import gaining

from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.line import encode

LOSABLE = ("other boot, not synced", "shared header deleted")
PAGE = bytes(700)


def all_but(patient: Patient, good: int, synced: int = 0) -> list[bytes]:
    """The patient's lines; those after the first ``good`` ones call ``synced`` durable."""
    lines, chain = patient.lines[:good], bytes.fromhex(patient.lines[good - 1][-35:-3].decode())
    for sequence in range(good + 1, LENGTH + 1):
        line, chain = encode(gaining(sequence, synced), chain)
        lines.append(line)
    return lines


def test_lines_rewritten_without_a_claim_are_the_same_log(quick_folder: Folder):
    patient = Patient(quick_folder, "same boot")
    assert b"".join(all_but(patient, 2)) == patient.log


@pytest.mark.parametrize("setting", LOSABLE)
def test_a_log_cut_at_any_byte_comes_back_up_to_its_last_whole_line(quick_folder: Folder, setting: str):
    patient = Patient(quick_folder, setting)
    for size in range(patient.begin, len(patient.log) + 1):
        assert patient.start_with(patient.log[:size], sum(end <= size for end in patient.ends[1:]))
    assert len(patient.survivors) == LAST + 1
    patient.keep_writing()


@pytest.mark.parametrize("setting", ["same boot", "same boot, not synced", "other boot"])
def test_a_log_that_can_have_lost_nothing_is_refused_if_cut_at_any_byte(quick_folder: Folder, setting: str):
    patient = Patient(quick_folder, setting)
    for size in range(patient.begin, len(patient.log)):
        assert not patient.start_with(patient.log[:size], sum(end <= size for end in patient.ends[1:]))


@pytest.mark.parametrize("count", [1, 2, 511, 4096, 1 << 20, (1 << 20) + 1])
@pytest.mark.parametrize("setting", SETTINGS)
def test_nuls_behind_the_log_are_cut_off(quick_folder: Folder, setting: str, count: int):
    patient = Patient(quick_folder, setting)
    assert patient.start_with(patient.log + bytes(count), LENGTH)
    patient.keep_writing()


@pytest.mark.parametrize("setting", LOSABLE)
@pytest.mark.parametrize("good", [2, 3])
def test_a_lost_page_and_the_whole_lines_behind_it_are_cut_off_if_none_was_synced(
    quick_folder: Folder, setting: str, good: int
):
    patient = Patient(quick_folder, setting)
    for start in range(patient.ends[good], patient.ends[good + 1] - 1, 7):
        hole = patient.log[:start] + PAGE + patient.log[start + len(PAGE) :]
        assert patient.start_with(hole, good)
    patient.keep_writing()


def test_nuls_and_whole_lines_behind_what_is_published_are_cut_off_without_a_reboot(quick_folder: Folder):
    patient = Patient(quick_folder, "same boot")
    line, _ = encode(gaining(LENGTH + 2, LENGTH), b"another chain...")
    assert patient.start_with(patient.log + PAGE + line, LENGTH)
    patient.keep_writing()


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("synced", [4, 5, 900])
def test_a_lost_page_is_refused_if_a_line_behind_it_says_it_was_synced(quick_folder: Folder, setting: str, synced: int):
    patient = Patient(quick_folder, setting)
    lines = all_but(patient, 3, synced)
    assert not patient.start_with(b"".join(lines[:3]) + bytes(len(lines[3])) + lines[4], 3)


@pytest.mark.parametrize("setting", LOSABLE)
def test_a_line_behind_a_lost_page_that_claims_only_what_came_before_is_no_obstacle(quick_folder: Folder, setting: str):
    patient = Patient(quick_folder, setting)
    lines = all_but(patient, 3, synced=3)
    assert patient.start_with(b"".join(lines[:3]) + bytes(len(lines[3])) + lines[4], 3)


@pytest.mark.parametrize("change", ["doubled", "removed", "swapped"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_a_doubled_removed_or_moved_line_is_refused(quick_folder: Folder, setting: str, change: str):
    patient = Patient(quick_folder, setting)
    one, two, three, four, five = patient.lines
    changed, good = {
        "doubled": ([one, two, three, three, four, five], 3),
        "removed": ([one, two, four, five], 2),
        "swapped": ([one, two, four, three, five], 2),
    }[change]
    assert not patient.start_with(b"".join(changed), good)


def test_a_line_that_no_writer_finished_is_refused_where_it_is_not_the_last(quick_folder: Folder):
    patient = Patient(quick_folder, "shared header deleted")
    half = len(patient.lines[2]) // 2
    assert not patient.start_with(b"".join([*patient.lines[:2], patient.lines[2][:half], *patient.lines[3:]]), 2)


def test_what_is_cut_off_twice_at_one_place_is_kept_twice(folder: Folder):
    add(folder.start())
    segment = folder.layout.segment(1)
    for tail in (b"first", b"second"):
        with segment.open("ab") as file:
            file.write(tail)
        folder.prepare()
    copies = [content for name, content in folder.files().items() if name != segment.name]
    assert sorted(copies) == [b"first", b"second"]


def test_the_first_record_is_still_right_after_a_cut(quick_folder: Folder):
    patient = Patient(quick_folder, "shared header deleted")
    patient.start_with(patient.log[:-1], LENGTH - 1)
    assert quick_folder.open().record(ONE).on_hand == LENGTH - 1


def test_a_refusal_names_the_file_the_line_and_the_byte(quick_folder: Folder):
    patient = Patient(quick_folder, "same boot")
    patient.segment.write_bytes(patient.log[:-1])
    with pytest.raises(LogDamaged) as refusal:
        quick_folder.prepare()
    assert f"{patient.segment}, line {LENGTH}, byte {patient.ends[LENGTH - 1]}: " in str(refusal.value)


SHARDS = 4
STRIDE = 31


@pytest.mark.parametrize("shard", range(SHARDS))
def test_any_flipped_bit_is_cut_off_or_refused_without_a_shared_header(quick_folder: Folder, shard: int):
    patient = Patient(quick_folder, "shared header deleted")
    passed = [patient.start_with(damaged, good) for good, damaged in patient.flips(shard, SHARDS)]
    assert len(passed) > 2000
    patient.keep_writing()


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_flipped_bit_is_cut_off_or_refused_whatever_the_shared_header_says(quick_folder: Folder, setting: str):
    patient = Patient(quick_folder, setting)
    for good, damaged in patient.flips(1, STRIDE):
        patient.start_with(damaged, good)
    patient.keep_writing()


def test_a_flipped_bit_in_a_line_that_was_durable_is_always_refused(quick_folder: Folder):
    patient = Patient(quick_folder, "same boot")
    assert not any(patient.start_with(damaged, good) for good, damaged in patient.flips(3, STRIDE))


def test_a_flipped_bit_in_a_durable_line_is_refused_after_a_reboot_too(quick_folder: Folder):
    patient = Patient(quick_folder, "other boot")
    assert not any(patient.start_with(damaged, good) for good, damaged in patient.flips(5, STRIDE))
