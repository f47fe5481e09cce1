"""Backups of a folder whose servers are under load, and backups that are killed."""

import json
import signal
from pathlib import Path

import pytest
from support.backup_copies import log_in, log_of
from support.load import Account, account_on, under_load
from support.running_server import run_command

from inventory.backup.manifest import read_manifest
from inventory.backup.verify_backup import verify_backup
from inventory.eventlog.layout import Layout

SKUS = ["hot", "warm", "cold"]
SMALL = {"SEGMENT_BYTES": 16384, "SNAPSHOT_EVERY_N_EVENTS": 200}


def keys_in(target: Path) -> set[str]:
    lines = map(json.loads, log_of(target).splitlines())
    return {line["idempotency"]["key"] for line in lines if line["idempotency"]}


def confirmed(account: Account) -> set[str]:
    return {change.key for change in list(account.confirmed)}


def test_every_backup_under_load_is_valid_and_has_all_that_was_confirmed_before_it(serve, tmp_path: Path):
    server, target = serve(**SMALL), tmp_path / "backup"
    account = account_on(server, SKUS)
    with under_load(server, account=account, name="load", skus=SKUS) as load:
        for _ in range(3):
            load.until_confirmed(150)
            before = confirmed(account)
            done = run_command(server.data_dir, "backup", str(target))
            assert done.returncode == 0, done.stderr
            assert verify_backup(target).problems == []
            assert before - keys_in(target) == set(), "confirmed, and not in the backup"
    assert len(read_manifest(target).segments) > 10
    assert run_command(server.data_dir, "backup", str(target)).returncode == 0
    assert log_of(target) == log_in(Layout(server.data_dir))


@pytest.mark.parametrize("times", [1, 6])
def test_a_backup_that_is_killed_is_valid_and_the_next_one_completes_it(serve, tmp_path: Path, times: int):
    server, target = serve(**SMALL), tmp_path / "backup"
    account = account_on(server, SKUS)
    with under_load(server, account=account, name="load", skus=SKUS) as load:
        load.until_confirmed(200)
        assert run_command(server.data_dir, "backup", str(target)).returncode == 0
        before = log_of(target)
        load.until_confirmed(300)
        killed = run_command(server.data_dir, "backup", str(target), FAILPOINTS=f"in-backup=kill@{times}")
        assert killed.returncode == -signal.SIGKILL
        assert log_of(target).startswith(before)
        assert run_command(server.data_dir, "verify", str(target)).returncode == 0
    assert run_command(server.data_dir, "backup", str(target)).returncode == 0
    assert log_of(target) == log_in(Layout(server.data_dir))


def test_a_stopped_server_is_backed_up_to_its_end(serve, tmp_path: Path):
    server, target = serve(**SMALL), tmp_path / "backup"
    account = account_on(server, SKUS)
    with under_load(server, account=account, name="load", skus=SKUS) as load:
        load.until_confirmed(300)
    server.kill_group()
    assert run_command(server.data_dir, "backup", str(target)).returncode == 0
    assert confirmed(account) - keys_in(target) == set()
