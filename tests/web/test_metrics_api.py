"""GET /metrics, as JSON and as Prometheus text, in one process and over several."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.apps import ADJUST, RECORD, FailingLedger, make_services

from inventory.domain.errors import ReadOnly
from inventory.web.app import create_app
from inventory.web.metric_groups import WorkerFiles

ROOT = Path(__file__).parents[2]


def test_a_new_app_has_counted_nothing(client):
    found = client.get("/metrics").json
    assert list(found.pop("workerMemoryBytes")) == [str(os.getpid())]
    assert found == {
        "requests": 0,
        "errors": 0,
        "conflicts": 0,
        "idempotentHits": 0,
        "logLinesDropped": 0,
        "logLinesLeftOut": 0,
        "acceptsDeferred": 0,
        "connectionsCut": 0,
        "queueDepth": 0,
        "snapshots": 0,
        "logBytes": 0,
        "archiveBytes": 0,
        "snapshotBytes": 0,
        "syncAgeMs": None,
        "backupLagMs": None,
        "rateLimited": 0,
        "shed": 0,
        "largeReadsRefused": 0,
        "unsentBytes": 0,
        "answersCut": 0,
        "breakerOpen": 0,
        "breakersNotClosed": 0,
        "fsRetries": 0,
        "stoppedWritersKilled": 0,
        "clockAheadMs": 0,
        "deadLetters": 0,
        "records": 0,
        "maxRecords": 20_000_000,
        "stores": 0,
        "maxStores": 200_000,
        "openReservations": 0,
        "maxOpenReservations": 5_000_000,
        "endedReservations": 0,
        "keys": 0,
        "quotasNearlyUsed": 0,
        "needsOperator": 0,
        "lockAcquired": 0,
        "lockContended": 0,
        "lockStolen": 0,
        "lockExpired": 0,
        "lockLost": 0,
        "lockReleaseFailures": 0,
    }


def test_two_apps_in_one_process_count_for_themselves(client, services):
    client.get("/health")

    assert create_app(services).test_client().get("/metrics").json["requests"] == 0


def test_every_request_counts_whatever_its_answer(client):
    for path in ("/health", "/nowhere", RECORD):
        client.get(path)

    assert client.get("/metrics").json["requests"] == 3


def test_conflicts_are_counted(stocked):
    stocked.post(ADJUST, json={"delta": 1, "expectedVersion": 7})
    stocked.post(ADJUST, json={"delta": -99})

    assert stocked.get("/metrics").json["conflicts"] == 2


def test_replays_are_counted(stocked):
    for _ in range(3):
        stocked.post(ADJUST, json={"delta": 1}, headers={"Idempotency-Key": "k"})

    assert stocked.get("/metrics").json["idempotentHits"] == 2


def test_answers_of_5xx_are_counted_as_errors():
    client = create_app(make_services(FailingLedger(change=ReadOnly("disk")))).test_client()
    client.post(ADJUST, json={"delta": 1})

    assert client.get("/metrics").json["errors"] == 1


def test_further_tries_for_a_file_are_counted_from_before_the_app_was_there(services):
    services.file_retries()
    client = create_app(services).test_client()
    services.file_retries()

    assert client.get("/metrics").json["fsRetries"] == 2


def test_the_queue_is_measured_at_the_end_of_a_request():
    ledger = FailingLedger()
    ledger.queue_depth = lambda: 3  # type: ignore[method-assign]
    client = create_app(make_services(ledger)).test_client()
    client.get("/health")

    assert client.get("/metrics").json["queueDepth"] == 3


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "*/*",
        "application/json",
        "text/html,application/xml;q=0.9,*/*;q=0.8",
        "image/png",
        "text/plain;q=0",
        "text/plain, application/json",
    ],
)
def test_a_client_that_does_not_ask_for_text_gets_json(client, accept):
    response = client.get("/metrics", headers={} if accept is None else {"Accept": accept})

    assert response.content_type == "application/json"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/plain", "text/plain"),
        ("application/openmetrics-text", "application/openmetrics-text"),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3,*/*;q=0.1", "application/openmetrics-text"),
        ("text/plain, */*", "text/plain"),
        ("text/plain;q=0.5,application/json;q=0.4", "text/plain"),
    ],
)
def test_prometheus_gets_its_text(client, accept, media_type):
    client.get(RECORD)

    response = client.get("/metrics", headers={"Accept": accept})

    assert response.content_type.startswith(media_type)
    assert 'inventory_requests_total{method="GET",status="404"} 1.0' in response.text
    assert "inventory_request_duration_seconds_bucket" in response.text


def test_what_a_client_makes_up_is_no_label(client):
    client.open(RECORD, method="BREW")

    text = client.get("/metrics", headers={"Accept": "text/plain"}).text
    assert 'method="other"' in text
    assert "BREW" not in text
    assert "sku-1" not in text


ONE_WORKER = """
import sys, json
sys.path[:0] = [{root!r}, {tests!r}]
from support.apps import make_services
from inventory.web.app import create_app
client = create_app(make_services()).test_client()
for _ in range(3):
    client.get("/nowhere")
print(json.dumps([client.get("/metrics").json, client.get("/metrics", headers={{"Accept": "text/plain"}}).text]))
"""


def test_every_worker_answers_for_all_of_them(tmp_path):
    script = ONE_WORKER.format(root=str(ROOT), tests=str(ROOT / "tests"))
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    answers = [
        json.loads(
            subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True).stdout
        )
        for _ in range(2)
    ]

    # The first worker has answered /metrics twice, too, before the second one looks.
    assert [totals["requests"] for totals, _ in answers] == [3, 8]
    assert 'inventory_requests_total{method="GET",status="404"} 6.0' in answers[1][1]


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
