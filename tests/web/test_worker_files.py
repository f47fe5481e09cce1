"""The counters of all workers are read while workers start and end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inventory.web.metric_groups import WorkerFiles

COUNT = """
from prometheus_client import Counter, Gauge
Counter("calls", "Calls").inc(3)
Gauge("depth", "Depth", multiprocess_mode="livesum").set(2)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a process that has counted leaves behind."""
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", COUNT], env=environment, check=True)
    return tmp_path


def counts(folder: Path) -> dict[str, float]:
    return {sample.name: sample.value for family in WorkerFiles(folder).collect() for sample in family.samples}


def test_what_a_process_has_counted_is_told_when_it_has_ended(folder: Path):
    assert counts(folder) == {"calls_total": 3.0, "depth": 2.0}


def test_a_file_that_a_starting_worker_has_not_yet_sized_changes_nothing(folder: Path):
    (folder / "counter_4711.db").touch()
    assert counts(folder) == {"calls_total": 3.0, "depth": 2.0}


def test_the_gauge_of_a_process_that_ends_meanwhile_is_left_out(folder: Path, monkeypatch: pytest.MonkeyPatch):
    scandir = os.scandir

    def ended_meanwhile(path: Path) -> list[os.DirEntry[str]]:
        entries = list(scandir(path))
        for entry in entries:
            if entry.name.startswith("gauge_"):
                os.unlink(entry.path)
        return entries

    monkeypatch.setattr(os, "scandir", ended_meanwhile)
    assert counts(folder) == {"calls_total": 3.0}
