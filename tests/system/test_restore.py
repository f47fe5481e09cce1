"""From a running server to a backup, and from the backup to another running server."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from support.client import record_path
from support.disks import mounted
from support.running_server import RunningServer, Serve, assert_whole, run_command

SMALL = {"SEGMENT_BYTES": 4096}


def backed_up(data_dir: Path, target: Path) -> dict[str, Any]:
    done = run_command(data_dir, "backup", str(target), "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def restored(backup: Path, data_dir: Path, *options: str) -> dict[str, Any]:
    done = run_command(data_dir, "restore", str(backup), *options, "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def timeline(server: RunningServer) -> tuple[str, str]:
    with server.client() as client:
        told = client.get("/capabilities").json
        return told["ledgerId"], told["timelineId"]


def filled(server: RunningServer, sales: int = 20) -> list[bytes]:
    """Sell, each time with a key of its own; return the answers."""
    with server.client() as client:
        assert client.put(record_path("sku-1"), {"onHand": 1000}).status == 201
        answers = [_sell(client, number) for number in range(sales)]
    assert [status for status, _ in answers] == [200] * sales
    return [body for _, body in answers]


def _sell(client: Any, number: int) -> tuple[int, bytes]:
    answer = client.post(f"{record_path('sku-1')}/adjust", {"delta": -1}, Idempotency_Key=f"sale-{number}")
    return answer.status, answer.body


def test_a_server_on_the_restored_folder_goes_on_and_clients_can_tell(serve: Serve, data_dir: Path, tmp_path: Path):
    first = serve(**SMALL)
    answers = filled(first)
    backed_up(data_dir, tmp_path / "backup")
    before = timeline(first)
    with first.client() as client:
        assert _sell(client, 20)[0] == 200
    first.kill_group()
    shutil.rmtree(data_dir)
    told = restored(tmp_path / "backup", data_dir)
    assert_whole(data_dir)
    second = serve(**SMALL)
    assert timeline(second) == (before[0], told["timelineId"])
    assert timeline(second) != before
    with second.client() as client:
        assert [_sell(client, number)[1] for number in range(20)] == answers
        lost = client.post(f"{record_path('sku-1')}/adjust", {"delta": -1}, Idempotency_Key="sale-20")
        assert (lost.json["version"], lost.json["sequence"], lost.json["onHand"]) == (22, 23, 979)
    assert second.end() == 0
    assert_whole(data_dir)


def test_a_backup_of_the_time_before_refuses_the_restored_folder(serve: Serve, data_dir: Path, tmp_path: Path):
    server = serve()
    filled(server)
    backed_up(data_dir, tmp_path / "backup")
    assert server.end() == 0
    restored(tmp_path / "backup", tmp_path / "new", "--until", "10")
    manifest = (tmp_path / "backup" / "manifest.json").read_bytes()
    refused = run_command(tmp_path / "new", "backup", str(tmp_path / "backup"))
    assert (refused.returncode, "is a backup of timeline" in refused.stderr) == (1, True)
    assert (tmp_path / "backup" / "manifest.json").read_bytes() == manifest
    assert backed_up(tmp_path / "new", tmp_path / "second")["lastSequence"] == 11


def test_no_server_starts_on_a_folder_whose_restore_was_killed_until_it_is_repeated(
    serve: Serve, data_dir: Path, tmp_path: Path
):
    server = serve()
    filled(server)
    backed_up(data_dir, tmp_path / "backup")
    assert server.end() == 0
    target = tmp_path / "new"
    (target / "restoring" / "events").mkdir(parents=True)
    for command in (("serve", "--port", "0"), ("sync",), ("worker",), ("seed",), ("verify",)):
        refused = run_command(target, *command)
        assert refused.returncode == 1, command
        assert "a restore into this folder has not finished" in refused.stderr, command
    restored(tmp_path / "backup", target)
    assert serve(at=target).end() == 0


def test_a_mount_point_is_restored_to(serve: Serve, data_dir: Path, tmp_path: Path):
    server = serve()
    filled(server)
    backed_up(data_dir, tmp_path / "backup")
    assert server.end() == 0
    with mounted(tmp_path / "disk", "size=16m") as disk:
        restored(tmp_path / "backup", disk)
        assert sorted(path.name for path in disk.iterdir()) == ["archive", "events", "locks", "snapshots"]
        assert_whole(disk)


def test_on_a_disk_that_is_too_small_nothing_is_left(serve: Serve, data_dir: Path, tmp_path: Path):
    server = serve()
    filled(server, 200)
    backed_up(data_dir, tmp_path / "backup")
    assert server.end() == 0
    with mounted(tmp_path / "disk", "size=64k") as disk:
        for target in (disk, disk / "deeper" / "data"):
            refused = run_command(target.parent, "restore", str(tmp_path / "backup"), "--data-dir", str(target))
            assert refused.returncode == 1
            assert refused.stderr.endswith("No space left on device; nothing was restored\n")
            assert os.listdir(disk) == []


def test_the_version_before_serves_a_restored_folder(
    serve: Serve, data_dir: Path, tmp_path: Path, version_before: Path
):
    server = serve()
    answers = filled(server)
    backed_up(data_dir, tmp_path / "backup")
    assert server.end() == 0
    restored(tmp_path / "backup", tmp_path / "new")
    before = serve(at=tmp_path / "new", PYTHONPATH=version_before)
    with before.client() as client:
        assert [_sell(client, number)[1] for number in range(20)] == answers
        assert _sell(client, 20)[0] == 200
        assert client.get("/events?after=21&limit=1").json["items"][0]["type"] == "ledger.restored"
    assert before.end() == 0
    assert_whole(tmp_path / "new")
