"""The short form of the power-cut drill, if the machine permits mounting a disk (root, loop devices)."""

import os
import shutil
from pathlib import Path

import pytest
from drills import power_cut
from drills.loop_disk import LoopDisk, make_image, mounted, why_not


@pytest.fixture(scope="module", autouse=True)
def _a_disk_can_be_had() -> None:
    reason = why_not()
    if reason is not None:
        pytest.skip(f"no power can be cut here: {reason}")


def test_after_power_cuts_a_server_starts_and_every_confirmed_change_is_there_once(tmp_path: Path):
    found = list(power_cut.cuts(tmp_path, many=2, seed=7, environment={}))

    assert [cut.wrong for cut in found] == [[], []]
    assert all(cut.kinds for cut in found), "nothing was confirmed"


def test_after_power_cuts_a_continuous_copy_has_what_was_confirmed_before_its_moment(
    tmp_path: Path,
):
    found = list(power_cut.cuts(tmp_path, many=2, seed=11, environment={}, follow=True))

    assert [cut.wrong for cut in found] == [[], []]
    assert all(cut.files["changes due in the copy"] for cut in found), "nothing had to be in the copy"


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler is installed")
def test_a_server_whose_syncs_do_nothing_is_found_to_have_lost_what_it_confirmed(tmp_path: Path):
    (found,) = power_cut.cuts(tmp_path, many=1, seed=7, environment=power_cut.without_sync(tmp_path))

    assert found.kinds
    assert found.start or found.findings.lost


@pytest.fixture
def image(tmp_path: Path) -> Path:
    make_image(tmp_path / "image", 16)
    return tmp_path / "image"


def content_after_a_cut(disk: LoopDisk, folder: Path) -> str:
    """What the file of a test holds on a copy of its disk."""
    disk.copy_as_cut(folder / "copy")
    with mounted(folder / "copy", folder / "other") as copy:
        return (copy.folder / "file").read_text() if (copy.folder / "file").exists() else ""


def test_a_copy_has_what_was_synced_and_not_what_lies_in_memory(image: Path, tmp_path: Path):
    with mounted(image, tmp_path / "disk") as disk:
        with (disk.folder / "file").open("w") as file:
            file.write("synced")
            file.flush()
            os.fsync(file.fileno())
            file.write(" and not")
        assert content_after_a_cut(disk, tmp_path) == "synced"
