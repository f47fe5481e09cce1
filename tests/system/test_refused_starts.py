"""Starts that are refused: status 1, one line that names the cause, no traceback, and no file changed."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest
from support.client import record_path, stock
from support.disks import fill, mounted
from support.running_server import assert_whole, run_command
from support.waiting import until


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file below the folder, to the byte."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def refusal(data_dir: Path, *options: str, status: int = 1, **settings: object) -> str:
    """Try to start a server; returns the one line that says why not, and what follows it."""
    done = run_command(data_dir, "serve", *options, **settings)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert done.stdout == ""
    own = [line for line in done.stderr.splitlines() if not line.startswith(("{", "Data folder: "))]
    causes = [number for number, line in enumerate(own) if line.startswith(("Error: ", "inventory: "))]
    assert len(causes) == 1, done.stderr
    return "\n".join(own[causes[0] :])


@pytest.fixture
def seeded(data_dir: Path) -> Path:
    """A folder with a log."""
    data_dir.mkdir()
    assert run_command(data_dir, "seed").returncode == 0
    return data_dir


def test_a_port_that_is_taken_is_named_and_the_folder_is_left_alone(seeded):
    before = contents(seeded)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port} is in use" in refusal(seeded, PORT=port)
    assert contents(seeded) == before


def test_an_address_that_is_not_ours_is_named(seeded):
    before = contents(seeded)
    assert "192.0.2.1" in refusal(seeded, HOST="192.0.2.1")
    assert contents(seeded) == before


def test_a_folder_that_does_not_exist_is_named_and_not_made(data_dir):
    assert f"{data_dir} does not exist; create it with --init" in refusal(data_dir)
    assert not data_dir.exists()


@pytest.mark.parametrize("options", [(), ("--init",), ("--init", "--demo")], ids=" ".join)
def test_a_data_folder_that_is_a_file_is_called_one_and_left_alone(data_dir, options):
    data_dir.write_text("mine")
    assert f"{data_dir} is not a folder" in refusal(data_dir, *options)
    assert data_dir.read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    if os.geteuid():
        (tmp_path / "data").mkdir(mode=0o555)
        assert "must be readable and writable" in refusal(tmp_path / "data", "--init", "--demo")
        return
    with mounted(tmp_path / "data", "ro,size=64k") as folder:
        assert f"{folder} must be readable and writable" in refusal(folder, "--init", "--demo")


def test_a_disk_without_space_for_a_log_is_named(tmp_path):
    with mounted(tmp_path / "data", "size=64k") as folder:
        fill(folder)
        reason = refusal(folder)
    assert str(folder) in reason
    assert "No space left" in reason


def test_a_damaged_log_is_named_with_line_and_byte_and_left_alone(seeded):
    segment = next((seeded / "events").iterdir())
    data = bytearray(segment.read_bytes())
    place = data.index(b"\n") + 1
    data[place + 40] ^= 1
    segment.write_bytes(data)
    before = contents(seeded)

    reason = refusal(seeded)

    assert f"{segment}, line 2, byte {place}" in reason
    assert f"inventory verify --data-dir {seeded}" in reason
    assert contents(seeded) == before
    found = run_command(seeded, "verify")
    assert found.returncode == 1
    assert f"{segment}, line 2, byte {place}" in found.stderr


@pytest.mark.parametrize(
    ("name", "value", "cause"),
    [
        ("PORT", "abc", "PORT='abc'"),
        ("PORT", "65536", "PORT='65536'"),
        ("THREADS", "0", "THREADS='0'"),
        ("SYNC_INTERVAL_MS", "15s", "SYNC_INTERVAL_MS='15s'"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL='loud'"),
        ("INVENTORY_PORT", "abc", "INVENTORY_PORT='abc'"),
        (
            "INVENTORY_SYNC_INTERVAL",
            "1",
            "INVENTORY_SYNC_INTERVAL is not a setting; did you mean INVENTORY_SYNC_INTERVAL_MS",
        ),
        ("INVENTORY_REGION", "eu", "INVENTORY_REGION is not a setting"),
    ],
)
def test_a_bad_setting_is_named(seeded, name, value, cause):
    before = contents(seeded)
    assert cause in refusal(seeded, **{name: value})
    assert contents(seeded) == before


@pytest.mark.parametrize("options", [("--port", "abc"), ("--nonsense",), ("--demo", "extra")], ids=" ".join)
def test_wrong_usage_ends_with_status_2_and_makes_nothing(data_dir, options):
    assert options[-1] in refusal(data_dir, "--init", *options, status=2)
    assert not data_dir.exists()


def test_a_second_server_and_commands_work_on_a_folder_that_is_served(two_servers):
    first, second = two_servers
    with first.client() as client:
        stock(client, "sku-1", 5)
    assert second.get(record_path("sku-1"))["qty"] == 5
    assert run_command(first.data_dir, "seed").returncode == 0
    assert run_command(first.data_dir, "sync").returncode == 0
    assert second.get("/stores")["items"] == first.get("/stores")["items"] != []
    assert_whole(first.data_dir)
    assert [server.end() for server in two_servers] == [0, 0]


def test_what_belongs_to_something_else_is_ignored_with_a_line_each_and_the_server_starts(serve):
    server = serve(LOGLEVEL="trace", INVENTORY_PORT="tcp://10.0.0.7:3000", INVENTORY_SERVICE_HOST="10.0.0.7")
    assert server.end() == 0
    lines = [json.loads(line) for line in server.stderr.read_text().splitlines() if line.startswith("{")]
    told = [(line["level"], line["message"]) for line in lines if "ignored" in line["message"]]
    links = "INVENTORY_PORT, INVENTORY_SERVICE_HOST"
    assert told == [
        ("INFO", f"ignored what Kubernetes or Docker sets for a service called inventory: {links}"),
        ("WARNING", "LOGLEVEL is not a setting and is ignored; did you mean LOG_LEVEL?"),
    ]


def test_listening_beyond_this_machine_is_warned_of(serve):
    server = serve(HOST="0.0.0.0")
    assert server.end(signal.SIGTERM) == 0
    warned = [line for line in server.stderr.read_text().splitlines() if '"WARNING"' in line]
    assert len(warned) == 1
    assert "0.0.0.0" in warned[0]
    assert "does not authenticate callers" in warned[0]


def test_listening_on_this_machine_alone_is_not(server):
    until("the second worker is there", lambda: len(server.workers()) == 2)
    assert server.end() == 0
    assert '"WARNING"' not in server.stderr.read_text()
