"""``backupLagMs`` in readiness and metrics."""

import dataclasses
from pathlib import Path

import pytest
from support.apps import NOW, make_services

from inventory.backup.follower_position import FollowerPosition, FollowerPositions
from inventory.domain.values import Instant
from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy
from inventory.settings import Settings
from inventory.web.app import create_app
from inventory.wiring import build_services, layout_of, prepare
from inventory.wiring.build import build_worker_services

TEXT = {"Accept": "text/plain"}


@pytest.fixture
def behind():
    """A client of a service with a continuous copy that is 1,250 ms behind."""
    return create_app(dataclasses.replace(make_services(), backup_lag_ms=lambda: 1_250)).test_client()


def test_it_is_in_readiness_and_does_not_affect_it(behind):
    response = behind.get("/health/readiness")
    assert (response.status_code, response.json["backupLagMs"]) == (200, 1_250)


def test_in_metrics_it_is_in_milliseconds_as_json_and_in_seconds_for_prometheus(behind):
    assert behind.get("/metrics").json["backupLagMs"] == 1_250
    assert "\ninventory_backup_lag_seconds 1.25\n" in behind.get("/metrics", headers=TEXT).text


def test_where_nothing_was_ever_copied_it_is_null_and_has_no_sample(client):
    assert client.get("/health/readiness").json["backupLagMs"] is None
    assert client.get("/metrics").json["backupLagMs"] is None
    assert "\ninventory_backup_lag_seconds " not in client.get("/metrics", headers=TEXT).text


def note(settings: Settings, at: int) -> None:
    position = FollowerPosition("/mnt/one", "ledger", "timeline", 1, "00")
    FollowerPositions(layout_of(settings), Disk(), RetryPolicy(1)).note(position, Instant(at))


def test_all_processes_on_a_folder_tell_the_lag_of_the_copy_that_stands_in_it(tmp_path: Path):
    settings = Settings(data_dir=tmp_path)
    prepare(settings)
    workers = [build_services(settings) for _ in range(2)]
    before = [worker.backup_lag_ms() for worker in workers]
    note(settings, workers[0].now() - 3_600_000_000)
    lags = [worker.backup_lag_ms() for worker in workers]
    for worker in workers:
        worker.close()
    assert before == [None, None]
    assert all(lag is not None and lag >= 3_600_000 for lag in lags)


def test_a_worker_that_cannot_open_the_folder_tells_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "inventory.wiring.build.threading.Timer", lambda *_: type("Never", (), {"start": lambda _: 0})()
    )
    settings = Settings(data_dir=tmp_path)
    layout_of(settings).make_folders()
    note(settings, NOW)
    worker = build_worker_services(settings)
    assert worker.ledger.status().read_only is not None
    assert worker.backup_lag_ms() > 0
