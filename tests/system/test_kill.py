"""kill -9 under load: every confirmed change is there, and none twice."""

import os
import signal

import pytest
from support.client import record_path
from support.load import Account, Load, account_on, assert_exactly_once, under_load
from support.processes import is_alive
from support.running_server import RunningServer, assert_whole
from support.waiting import until

SKUS = ["hot", "warm", "cold"]


def assert_nothing_lost(server: RunningServer, account: Account) -> None:
    assert_exactly_once(server.data_dir, account, lambda sku: server.get(record_path(sku)))


def kill_again_and_again(server: RunningServer, rounds: int) -> Account:
    """Kill the group under load and start it again, ``rounds`` times on the same folder."""
    account = account_on(server, SKUS)
    for number in range(rounds):
        load = Load([server], account, f"round-{number}", SKUS, persistent=False)
        load.until_confirmed(5 + 11 * number % 97)
        server.kill_group()
        load.join()
        assert account.unknown, "nothing was in flight"

        server.restart()

        with server.client() as client:
            account.settle(client)
        assert_nothing_lost(server, account)
    assert_whole(server.data_dir)
    return account


@pytest.mark.both_worker_classes
@pytest.mark.timeout(300)
def test_after_each_of_twenty_kills_of_the_whole_server_every_confirmed_change_is_there_once(server):
    kill_again_and_again(server, 20)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_after_each_of_a_hundred_kills_of_the_whole_server_every_confirmed_change_is_there_once(server, show_figures):
    account = kill_again_and_again(server, 100)

    show_figures(f"100 kills of the whole server: {len(account.confirmed)} changes confirmed, 0 lost, 0 twice")


def kill_one_worker_after_the_other(server: RunningServer, rounds: int) -> Account:
    """Kill a worker under load, ``rounds`` times, each time after the last one has been replaced."""
    account = account_on(server, SKUS)
    totals = [server.get("/metrics")["requests"]]
    with under_load(server, account=account, name="workers", skus=SKUS) as load:
        for number in range(rounds):
            load.until_confirmed(40)
            victim = server.workers()[number % 2]
            os.kill(victim, signal.SIGKILL)
            load.until_confirmed(40)
            server.until_replaced(victim)
            totals.append(server.get("/metrics")["requests"])
    totals.append(server.get("/metrics")["requests"])

    assert totals == sorted(totals)
    # Every confirmed change was counted too, unless its worker was killed before it could.
    assert totals[-1] - totals[0] >= len(account.confirmed) - rounds * 16
    with server.client() as client:
        account.settle(client)
    assert_nothing_lost(server, account)
    assert_whole(server.data_dir)
    return account


@pytest.mark.both_worker_classes
def test_a_killed_worker_is_replaced_while_the_other_serves_and_nothing_is_lost_or_forgotten(server):
    kill_one_worker_after_the_other(server, 3)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_after_each_of_a_hundred_kills_of_one_worker_every_confirmed_change_is_there_once(server, show_figures):
    account = kill_one_worker_after_the_other(server, 100)

    show_figures(
        f"100 kills of one worker under load: {len(account.confirmed)} changes confirmed, 0 lost, 0 twice; "
        f"{len(account.refused)} refused meanwhile; no change was confirmed for {account.longest_pause():.3f} s at most"
    )


@pytest.mark.both_worker_classes
def test_when_only_the_master_is_killed_its_workers_end_too_and_another_server_takes_over_the_folder(serve):
    server = serve()
    account = account_on(server, SKUS)
    workers = server.workers()
    load = Load([server], account, "orphans", SKUS, persistent=False)
    load.until_confirmed(40)

    os.kill(server.master, signal.SIGKILL)
    load.let_end()
    second = serve()

    until("the orphans have ended", lambda: not any(is_alive(pid) for pid in workers))
    load.join()
    with second.client() as client:
        account.settle(client)
    assert_nothing_lost(second, account)
    assert_whole(second.data_dir)
