"""A start on a log with one flipped bit: exactly the good lines come back, or it is refused."""

import pytest
from support.damage import SETTINGS, Patient
from support.folder import Folder

SHARDS = 4
STRIDE = 31


@pytest.mark.parametrize("shard", range(SHARDS))
def test_any_flipped_bit_is_cut_off_or_refused_where_no_marks_are_left(quick_folder: Folder, shard: int):
    patient = Patient(quick_folder, "marks deleted")
    passed = [patient.start_with(damaged, good) for good, damaged in patient.flips(shard, SHARDS)]
    assert len(passed) > 2000
    patient.keep_writing()


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_flipped_bit_is_cut_off_or_refused_whatever_the_marks_say(quick_folder: Folder, setting: str):
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
