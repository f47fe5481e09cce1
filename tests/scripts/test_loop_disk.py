"""scripts/drills: where no disk of its own can be mounted, the power-cut drill says why."""

import os
import shutil

import pytest
from drills import cli, loop_disk
from drills.loop_disk import DiskBroken, why_not


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root, as far as the drill asks; every program is installed."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda program: program)


def test_others_than_root_are_told_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert why_not() == "only root may mount"


def test_programs_that_are_missing_are_named(root, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda program: None if program in ("losetup", "mkfs.ext4") else program)
    assert why_not() == "losetup, mkfs.ext4 is not installed"


def test_a_mount_that_is_refused_to_root_is_the_reason(root, monkeypatch: pytest.MonkeyPatch):
    def refused(*command: str) -> str:
        raise DiskBroken(f"{command[0]}: Operation not permitted")

    monkeypatch.setattr(loop_disk, "_run", refused)
    assert why_not() == "mkfs.ext4: Operation not permitted"


def test_the_drill_ends_with_status_1_and_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(cli, "why_not", lambda: "only root may mount")
    assert cli.main(["power-cut"]) == 1
    assert "power-cut cannot be made here: only root may mount" in capsys.readouterr().err
