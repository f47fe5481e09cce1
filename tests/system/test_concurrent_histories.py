"""Many clients, two servers, one folder: what they are told is linearizable, and each answer continues the last one."""

import os
import signal
from itertools import count

import pytest
from support.linearizability import violations
from support.recording import Recording, record
from support.running_server import RunningServer, assert_whole
from support.waiting import Stopwatch, until

QUICK, LONG, LONG_WITH_KILLS = 3000, 200_000, 50_000
BETWEEN_KILLS = 200


def checked(recording: Recording, requests: int) -> str:
    """Check a history, and that it was one worth checking; returns its figures."""
    watch = Stopwatch()
    found = violations(recording.history)
    assert found == [], f"{len(found)} violations:\n" + "\n".join(f"{one.rule}: {one.text}" for one in found[:5])
    assert recording.counts.total() >= requests
    assert sum(one.is_change for one in recording.history) > requests / 4
    asked = {name.split()[0] for name in recording.counts}
    assert asked == {"record", "view", "central", "adjust", "reserve", "count"}
    refused = {name for name in recording.counts if " 409 " in name}
    assert {"adjust 409 version_conflict", "adjust 409 insufficient_stock"} <= refused
    figures = f"  {len(recording.history)} operations, 0 violations, checked in {watch.seconds:.1f} s"
    return "\n".join([figures, *(f"  {many:7d} {name}" for name, many in sorted(recording.counts.items()))])


def pace(recording: Recording, watch: Stopwatch) -> str:
    many, seconds = recording.counts.total(), watch.seconds
    return f"{many} requests in {seconds:.0f} s ({many / seconds:.0f}/s)"


@pytest.mark.both_worker_classes
def test_mixed_requests_on_two_servers_make_a_linearizable_history(two_servers):
    recording = record(two_servers, QUICK)

    checked(recording, QUICK)
    assert_whole(two_servers[0].data_dir)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_two_hundred_thousand_requests_on_two_servers_make_a_linearizable_history(two_servers, show_figures):
    watch = Stopwatch()
    recording = record(two_servers, LONG)
    figures = f"Two servers: {pace(recording, watch)}"

    show_figures(f"{figures}\n{checked(recording, LONG)}")
    assert_whole(two_servers[0].data_dir)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_history_is_linearizable_while_one_worker_after_the_other_is_killed(two_servers, show_figures):
    watch, kills = Stopwatch(), count()

    def kill_one() -> None:
        number = next(kills)
        server: RunningServer = two_servers[number % 2]
        victim = server.workers()[number // 2 % 2]
        goal = server.get("/metrics")["requests"] + BETWEEN_KILLS
        os.kill(victim, signal.SIGKILL)
        server.until_replaced(victim)
        until("it serves on", lambda: server.get("/metrics")["requests"] >= goal, pause=0.1)

    recording = record(two_servers, LONG_WITH_KILLS, meanwhile=kill_one)
    figures = f"Two servers, {next(kills)} workers killed: {pace(recording, watch)}"

    show_figures(f"{figures}\n{checked(recording, LONG_WITH_KILLS)}")
    assert recording.counts["adjust 0 unanswered"] > 0
    assert_whole(two_servers[0].data_dir)
