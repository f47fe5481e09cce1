"""A restore that is killed or interrupted at any step, or beside which a server starts: all or nothing."""

import os
import signal
from pathlib import Path

import pytest
from support.backups import restored
from support.restores import DONE, INTERRUPTED, REFUSED, contents, every_step, outcome, steps

from inventory.backup.manifest import BackupError
from inventory.eventlog.data_folder import StartRefused, server_presence
from inventory.eventlog.layout import Layout
from inventory.settings import Settings
from inventory.wiring import prepare


@pytest.mark.slow
def test_wherever_it_is_killed_a_server_finds_all_of_it_or_is_refused(source: Layout, backup: Path, tmp_path: Path):
    expected, found = contents(source), set()

    def killed(step: int) -> int:
        target = Layout(tmp_path / f"killed-{step}" / "restored")
        status = steps(lambda: restored(backup, target), step, lambda: os.kill(os.getpid(), signal.SIGKILL))
        found.add(outcome(target, expected))
        return status

    assert every_step(killed) > 30
    assert found == {"nothing", "refused", "all"}


@pytest.mark.slow
def test_after_a_kill_the_same_command_begins_again(source: Layout, backup: Path, tmp_path: Path):
    expected, refused = contents(source), set()

    def killed(step: int) -> int:
        target = Layout(tmp_path / f"killed-{step}" / "restored")
        status = steps(lambda: restored(backup, target), step, lambda: os.kill(os.getpid(), signal.SIGKILL))
        try:
            restored(backup, target)
            assert outcome(target, expected) == "all"
        except BackupError as error:
            refused.add((outcome(target, expected), str(error).partition("it has ")[2].partition(".")[0]))
        return status

    assert every_step(killed) > 30
    # Between the renames, or complete: neither is ever removed.
    assert {names for result, names in refused if result == "refused"} == {"archive", "archive, snapshots"}
    assert all("events" in names for result, names in refused if result == "all")


@pytest.mark.slow
def test_of_a_server_that_starts_meanwhile_and_the_restore_one_is_refused(source: Layout, backup: Path, tmp_path: Path):
    expected = contents(source)
    held = []

    def beside_a_start(step: int) -> int:
        target = Layout(tmp_path / f"beside-{step}" / "restored")

        def start() -> None:
            try:
                presence = server_presence(target)
                presence.__enter__()
                held.append(presence)
                prepare(Settings(data_dir=target.root))
            except StartRefused:
                pass

        status = steps(lambda: restored(backup, target), step, start)
        assert status in (0, DONE, REFUSED)
        if status == REFUSED:
            assert not target.archived_segments() + target.snapshot_sequences()
            assert [target.segment(first).stat().st_size for first in target.segments()] in ([], [0])
            assert not target.restoring.exists()
        else:
            assert outcome(target, expected) == "all"
        return status

    assert every_step(beside_a_start) > 30


@pytest.mark.slow
def test_wherever_it_is_interrupted_nothing_is_left_or_all_of_it_is_there(source: Layout, backup: Path, tmp_path: Path):
    expected = contents(source)

    def interrupt() -> None:
        raise KeyboardInterrupt

    def interrupted(step: int) -> int:
        target = Layout(tmp_path / f"interrupted-{step}" / "new" / "restored")
        target.root.parents[1].mkdir()
        status = steps(lambda: restored(backup, target), step, interrupt)
        assert status in (0, INTERRUPTED)
        assert list(target.root.parents[1].iterdir()) == [] or outcome(target, expected) == "all"
        return status

    assert every_step(interrupted) > 30
