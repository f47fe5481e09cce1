"""Folders that every command refuses: a missing one, and one without a log."""

from pathlib import Path

import pytest
from support.commands import run


@pytest.mark.parametrize("command", ["serve", "worker", "seed", "export", "verify", "rebuild", "sync"])
def test_a_folder_that_is_not_there_is_refused_by_name(command: str, tmp_path: Path) -> None:
    ended = run(command, "--data-dir", tmp_path / "nowhere")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert f"{tmp_path}/nowhere does not exist" in ended.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("export",),
        ("verify",),
        ("rebuild", "--yes"),
        ("sync",),
        ("archive",),
        ("archive", "--snapshot"),
        ("dead-letters", "list"),
        ("dead-letters", "requeue", "1"),
        ("dead-letters", "discard", "1"),
    ],
    ids=" ".join,
)
def test_a_folder_without_a_log_is_refused_and_left_alone(command: tuple[str, ...], data: Path) -> None:
    (data / "holiday.txt").write_text("not stock")
    ended = run(*command, "--data-dir", data)
    assert (ended.exit_code, f"no event log in {data}" in ended.stderr) == (1, True)
    assert [path.name for path in data.iterdir()] == ["holiday.txt"]
