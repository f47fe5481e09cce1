"""The folder of the counters: new for each master, removed after it, and never another user's."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory.server.metrics_folder import MetricsFolder, make_metrics_folder, reserve_files

SERVER = """
import sys
from pathlib import Path
from inventory.server.metrics_folder import make_metrics_folder
folder = make_metrics_folder(Path(sys.argv[1]))
print(folder.path, flush=True)
input()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[MetricsFolder]:
    made = make_metrics_folder(tmp_path)
    yield made
    if made.path.exists():
        made.remove()


@pytest.fixture
def other_server(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", SERVER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def path_made_by(server: subprocess.Popen[str]) -> Path:
    assert server.stdout is not None
    return Path(server.stdout.readline().strip())


def test_it_is_empty(folder: MetricsFolder) -> None:
    assert list(folder.path.iterdir()) == []


def test_it_is_gone_with_what_is_in_it_when_it_is_removed(folder: MetricsFolder, tmp_path: Path) -> None:
    (folder.path / "counter_1.db").touch()
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_server_that_lives_is_left_alone(other_server: subprocess.Popen[str], tmp_path: Path) -> None:
    theirs = path_made_by(other_server)
    make_metrics_folder(tmp_path).remove()
    assert theirs.is_dir()


def test_the_folder_of_a_server_that_was_killed_is_removed_by_the_next(
    other_server: subprocess.Popen[str], tmp_path: Path
) -> None:
    theirs = path_made_by(other_server)
    other_server.send_signal(signal.SIGKILL)
    other_server.wait()
    make_metrics_folder(tmp_path).remove()
    assert not theirs.exists()


def test_a_link_with_such_a_name_does_not_lead_to_the_deletion_of_its_target(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (tmp_path / "inventory-metrics-link").symlink_to(precious)
    make_metrics_folder(tmp_path).remove()
    assert precious.is_dir()


def test_a_worker_keeps_the_folder_after_the_master_was_killed(folder: MetricsFolder, tmp_path: Path) -> None:
    inherited = os.dup(folder.descriptor)  # what a fork does
    os.close(folder.descriptor)
    make_metrics_folder(tmp_path).remove()
    kept = folder.path.is_dir()
    MetricsFolder(folder.path, inherited).remove()
    assert kept


COUNTING = """
import os
from inventory.web.app import create_app
from support.apps import make_services
client = create_app(make_services()).test_client()
client.get("/metrics")
"""


def test_every_file_that_counting_makes_is_one_that_has_its_space_before(folder: MetricsFolder) -> None:
    tests = Path(__file__).parents[1]
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder.path), "PYTHONPATH": f"{tests}:{tests.parent}"}
    with subprocess.Popen([sys.executable, "-c", COUNTING], env=environment) as process:
        pass
    assert process.returncode == 0
    made = {path.name.rpartition("_")[0]: path.stat().st_size for path in folder.path.iterdir()}
    for path in folder.path.iterdir():
        path.unlink()

    reserve_files(folder.path, 7)

    reserved = {path.name.rpartition("_")[0]: path.stat() for path in folder.path.iterdir()}
    assert {name: file.st_size for name, file in reserved.items()} == made
    assert all(file.st_blocks * 512 >= file.st_size for file in reserved.values())


def test_reserving_keeps_what_was_counted(folder: MetricsFolder) -> None:
    counted = folder.path / "counter_7.db"
    counted.write_bytes(b"x" * 100)
    reserve_files(folder.path, 7)
    assert counted.read_bytes()[:100] == b"x" * 100
