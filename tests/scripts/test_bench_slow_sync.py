"""scripts/bench: flushes take longer in every process that is started, and in no other."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bench import cli
from bench.slow_sync import NoCompiler, slower_syncs

_MS = 40
_SYNCS = """
import os, time
with open("file", "wb") as file:
    for sync in (os.fsync, os.fdatasync):
        started = time.monotonic_ns()
        sync(file.fileno())
        print((time.monotonic_ns() - started) // 1_000_000)
"""
with_a_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler is installed")


def syncs_of_another_process(folder: Path) -> list[int]:
    """How many milliseconds each kind took."""
    done = subprocess.run([sys.executable, "-c", _SYNCS], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [int(line) for line in done.stdout.split()]


@with_a_compiler
def test_both_kinds_of_sync_take_so_much_longer(tmp_path: Path):
    with slower_syncs(tmp_path, _MS):
        assert all(took >= _MS for took in syncs_of_another_process(tmp_path))


@with_a_compiler
def test_a_process_that_is_started_afterwards_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    before = dict(os.environ)
    with slower_syncs(tmp_path, _MS):
        assert dict(os.environ) != before
    assert dict(os.environ) == before


@with_a_compiler
def test_what_is_loaded_first_already_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LD_PRELOAD", "another.so")
    with slower_syncs(tmp_path, _MS):
        assert os.environ["LD_PRELOAD"].split() == [str(tmp_path / "slow_sync.so"), "another.so"]


def test_none_needs_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    before = dict(os.environ)
    with slower_syncs(tmp_path, 0):
        assert dict(os.environ) == before


def test_without_a_compiler_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoCompiler, match="C compiler"), slower_syncs(tmp_path, _MS):
        pass


def test_a_compiler_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\necho no such header >&2; exit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    with pytest.raises(NoCompiler, match="no such header"), slower_syncs(tmp_path, _MS):
        pass


@pytest.mark.parametrize("name", ["a b", "a:b"])
def test_a_folder_that_the_loader_cannot_name_is_refused(name: str, tmp_path: Path):
    with pytest.raises(ValueError, match="space or a colon"), slower_syncs(tmp_path / name, _MS):
        pass


@pytest.mark.parametrize("given", ["-1", "1001", "nan", "soon"])
def test_what_is_no_time_is_refused(given: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        cli.main(["--sync-ms", given])
    assert "--sync-ms" in capsys.readouterr().err
