"""A continuous copy beside a server: what remains of the ledger when the data folder is lost."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.client import adjust, stock
from support.load import Account, Change, Load, account_on, logged_lines
from support.processes import frozen
from support.running_follower import RunningFollower
from support.running_server import RunningServer, Serve, assert_whole, run_command
from support.waiting import until

SKUS = ["hot", "warm", "cold"]
SETTINGS = {"SEGMENT_BYTES": 16_384, "SNAPSHOT_EVERY_N_EVENTS": 100, "SYNC_INTERVAL_MS": 50, "IDEMP_TTL_MS": 600_000}
Follow = Callable[..., RunningFollower]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


@pytest.fixture
def follow(tmp_path: Path, data_dir: Path, target: Path) -> Iterator[Follow]:
    """Start followers of ``data_dir``, with settings by their variables' names."""
    followers: list[RunningFollower] = []

    def start(to: Path = target, **given: object) -> RunningFollower:
        followers.append(RunningFollower(data_dir, to, tmp_path, **given))
        return followers[-1]

    yield start
    for follower in followers:
        follower.kill()


def committed(server: RunningServer) -> int:
    return int(logged_lines(server.data_dir)[-1]["sequence"])


def lags(server: RunningServer) -> list[int | None]:
    """What each worker tells."""
    with server.clients_of_all() as clients:
        return [client.get("/health/readiness").json["backupLagMs"] for client in clients]


def lose_everything(server: RunningServer, follower: RunningFollower, load: Load) -> None:
    """Kill the server and the follower under load, and delete the data folder."""
    follower.note_clock()
    server.kill_group()
    follower.kill()
    load.join()


def restored(target: Path, folder: Path) -> dict[str, dict]:
    """Verify the copy, and restore it; returns its events by their keys."""
    verified = run_command(folder, "verify", str(target))
    assert verified.returncode == 0, verified.stderr + verified.stdout
    done = run_command(folder, "restore", str(target))
    assert done.returncode == 0, done.stderr
    assert_whole(folder)
    lines = logged_lines(folder)
    assert [line["sequence"] for line in lines] == list(range(1, len(lines) + 1))
    return {line["idempotency"]["key"]: line for line in lines if line.get("idempotency")}


def assert_there(events: dict[str, dict], account: Account, changes: list[Change]) -> None:
    for change in changes:
        answer, line = account.confirmed[change], events[change.key]["lines"][0]
        assert (line["sku"], line["version"], line["onHand"]) == (answer["sku"], answer["version"], answer["onHand"])


def test_when_all_is_lost_the_copy_has_every_change_confirmed_before_its_moment(
    serve: Serve, follow: Follow, data_dir: Path, target: Path, tmp_path: Path
):
    server = serve(**SETTINGS)
    account = account_on(server, SKUS)
    follower = follow()
    load = Load([server], account, "load", SKUS, persistent=False)
    for _ in range(3):
        load.until_confirmed(100)
        follower.until_copied(committed(server))
    lose_everything(server, follower, load)
    before = follower.held_everything_at()
    shutil.rmtree(data_dir)

    events = restored(target, tmp_path / "restored")

    due = [change for change, at in account.confirmed_at.items() if at < before]
    assert len(due) >= 300
    assert_there(events, account, due)
    assert events.keys() <= {change.key for change in [*account.confirmed, *account.unknown]}
    again = serve(at=tmp_path / "restored", **SETTINGS)
    with again.client() as client:
        for change in due[-20:]:
            answer = adjust(client, change.sku, change.delta, change.key)
            assert (answer.replayed, answer.json) == (True, account.confirmed[change])


@pytest.mark.long
@pytest.mark.timeout(600)
def test_when_all_is_lost_the_copy_has_what_was_confirmed_more_than_a_second_before(
    serve: Serve, follow: Follow, data_dir: Path, tmp_path: Path, show_figures: Callable[[str], None]
):
    worst = 0.0
    for number in range(10):
        here, to = data_dir.with_name(f"data-{number}"), tmp_path / f"target-{number}"
        server = serve(at=here)
        account = account_on(server, SKUS)
        follower = RunningFollower(here, to, tmp_path)
        follower.until_copied(len(SKUS))
        load = Load([server], account, f"load-{number}", SKUS, persistent=False)
        load.until_confirmed(3_000 + 997 * number)
        last = max(account.confirmed_at.values())
        lose_everything(server, follower, load)
        shutil.rmtree(here)
        events = restored(to, tmp_path / f"restored-{number}")
        lost = [at for change, at in account.confirmed_at.items() if change.key not in events]
        last = max(account.confirmed_at.values())
        worst = max([worst, *(last - at for at in lost)])
        assert_there(events, account, [change for change, at in account.confirmed_at.items() if at < last - 1.0])
    show_figures(f"the oldest lost change was confirmed {worst:.2f} s before the last one, in 10 losses of everything")


def test_it_survives_restarts_of_the_server_and_its_own(serve: Serve, follow: Follow, target: Path):
    server = serve(**SETTINGS)
    account = account_on(server, SKUS)
    follower = follow()
    for number in range(3):
        load = Load([server], account, f"round-{number}", SKUS, persistent=False)
        load.until_confirmed(60)
        if number == 1:
            follower.kill()
            follower = follow()
        server.kill_group()
        load.join()
        server.restart()
        follower.until_copied(committed(server))
    assert follower.end() == 0
    with server.client() as client:
        account.settle(client)
    assert_there(restored(target, target.with_name("restored")), account, list(account.confirmed_at))


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_copies_what_is_left_and_ends_with_status_0(
    serve: Serve, follow: Follow, with_signal: signal.Signals
):
    server, follower = serve(), follow()
    with server.client() as client:
        stock(client, "sku-1", 10)
        follower.until_copied(1)
        with frozen(follower.pid):
            sequence = adjust(client, "sku-1", 1).json["sequence"]
            os.kill(follower.pid, with_signal)
    assert follower.status() == 0
    assert [line["asOfSequence"] for line in follower.said("stopped as requested")] == [sequence]
    assert follower.position().sequence == sequence


def test_all_workers_tell_the_lag_which_grows_when_the_follower_dies(serve: Serve, follow: Follow):
    server = serve()
    assert lags(server) == [None, None]
    with server.client() as client:
        stock(client, "sku-1", 10)
    follower = follow()
    follower.until_copied(1)
    assert None not in lags(server)
    follower.kill()
    before = lags(server)
    until("both grow", lambda: all(now > then for now, then in zip(lags(server), before, strict=True)))
    assert server.get("/metrics")["backupLagMs"] > max(before)


def test_of_two_followers_to_one_target_the_second_ends_and_one_to_another_target_works(
    serve: Serve, follow: Follow, tmp_path: Path
):
    server = serve()
    with server.client() as client:
        stock(client, "sku-1", 10)
    first = follow()
    first.until_copied(1)

    second, other = follow(), follow(tmp_path / "other")

    assert second.status() == 1
    assert "another process is already following" in second.stderr.read_text()
    other.until_copied(1)
    assert (first.end(), other.end()) == (0, 0)


def test_a_target_that_is_gone_is_reported_once_and_copied_to_when_it_is_back(
    serve: Serve, follow: Follow, target: Path
):
    server, follower = serve(), follow()
    with server.client() as client:
        stock(client, "sku-1", 10)
        follower.until_copied(1)
        away = target.rename(target.with_name("away"))
        target.mkdir()
        sequence = adjust(client, "sku-1", 1).json["sequence"]
        until("the follower reports it", lambda: follower.said("a pass failed"))
        until("it has tried again", lambda: server.get("/metrics")["backupLagMs"] > 3_000)
    assert list(target.iterdir()) == []
    target.rmdir()
    away.rename(target)
    follower.until_copied(sequence)
    until("the follower reports that", lambda: follower.said("copying again"))
    assert len(follower.said("a pass failed")) == 1
    assert follower.said("copying again")[0]["failures"] > 1
