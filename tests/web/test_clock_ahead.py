"""The clock was ten years ahead once: the service reports by how much, and says nothing wrong about past times."""

from collections.abc import Callable

import pytest
from support.apps import ADJUST, NOW, RECORD, make_services
from support.feeds import CompactedLedger
from support.given import Clock

from inventory.domain.values import Instant, format_instant
from inventory.wiring.services import Services

SECOND = 1_000_000
LEAD = 3653 * 86_400 * SECOND
WALL = NOW - LEAD
BEGIN = WALL - 20 * SECOND


def at(seconds: float) -> str:
    """A time so many seconds after the first event, in a query."""
    return f"asOf={format_instant(Instant(BEGIN + round(seconds * SECOND)))}"


@pytest.fixture
def ledger() -> CompactedLedger:
    ledger = CompactedLedger()
    ledger.clock = ledger._now = Clock()
    ledger.clock.at = Instant(BEGIN)
    return ledger


@pytest.fixture
def services(ledger: CompactedLedger) -> Services:
    return make_services(ledger, wall=lambda: WALL)


@pytest.fixture
def changed(client, ledger: CompactedLedger) -> Callable[[int, int], None]:
    """Change the record: by so many units, so many seconds after the first event."""

    def change(delta: int, seconds: int) -> None:
        ledger.clock.at = Instant(BEGIN + seconds * SECOND)
        client.post(ADJUST, json={"delta": delta})

    client.put(RECORD, json={"onHand": 10})
    return change


def test_readiness_and_metrics_say_how_far_it_is_ahead(client, ledger):
    ledger.clock.at = NOW
    assert client.get("/health/readiness").json["clockAheadMs"] == LEAD // 1000
    assert client.get("/metrics").json["clockAheadMs"] == LEAD // 1000
    lines = client.get("/metrics", headers={"Accept": "text/plain"}).text.splitlines()
    (shown,) = [line.split()[1] for line in lines if line.startswith("inventory_clock_ahead_seconds ")]
    assert float(shown) == LEAD // SECOND


def test_a_record_made_while_it_was_ahead_is_not_unknown_at_a_time_that_is_past(client, ledger):
    ledger.clock.at = NOW
    client.put(RECORD, json={"onHand": 10})
    response = client.get(f"{RECORD}?{at(20)}")
    assert (response.status_code, response.json["error"], response.json["clockAheadMs"]) == (
        400,
        "validation_error",
        LEAD // 1000,
    )
    assert response.json["errors"][0]["field"] == "asOf"
    assert "3,653 days ahead" in response.json["errors"][0]["message"]


@pytest.mark.parametrize(("seconds", "status"), [(0.5, 200), (1.5, 400), (20, 400), (79, 400)])
def test_a_time_is_refused_only_where_a_change_that_is_left_out_could_be_of_before_it(client, changed, seconds, status):
    changed(-1, 1)
    changed(-1, LEAD // SECOND)
    response = client.get(f"{RECORD}?{at(seconds)}")
    assert (response.status_code, "clockAheadMs" in response.json) == (status, status == 400)


def test_the_times_that_events_have_are_answered(client, changed):
    changed(-1, LEAD // SECOND)
    changed(-1, LEAD // SECOND + 5)
    assert client.get(f"{RECORD}?{at(LEAD // SECOND + 1)}").json["onHand"] == 9


def test_sequences_are_answered_whatever_the_clock_is(client, changed):
    changed(-1, LEAD // SECOND)
    assert client.get(f"{RECORD}?asOfSequence=1").json["onHand"] == 10
    assert client.get(f"{RECORD}?asOfSequence=1&{at(15)}").json["onHand"] == 10


def test_a_record_that_was_not_there_yet_is_404_where_the_clock_is_right(client, changed):
    response = client.get(f"{RECORD}?{at(-1)}")
    assert (response.status_code, "clockAheadMs" in response.json) == (404, False)
