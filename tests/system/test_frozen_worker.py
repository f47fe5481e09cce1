"""A worker freezes, or dies, while it has the append lock."""

import os
import signal
from collections.abc import Sequence

from support.client import Answer, adjust, record_path
from support.load import Account, Change, account_on, assert_exactly_once, under_load
from support.processes import freeze_holder, frozen, thaw
from support.running_server import RunningServer, assert_whole
from support.waiting import Stopwatch, until

SKUS = ["sku-1", "sku-2"]
BACK_WITHIN_SECONDS = 9
"""5 are promised; a gate shares its machine."""


def assert_nothing_lost(server: RunningServer, account: Account) -> None:
    with server.client() as client:
        account.settle(client)
    assert_exactly_once(server.data_dir, account, lambda sku: server.get(record_path(sku)))
    assert_whole(server.data_dir)


def read_and_write(server: RunningServer, change: Change) -> Answer:
    """One read, which must be answered at once, and one change, on a connection that a live worker takes."""
    watch = Stopwatch()
    with server.client(timeout=8) as client:
        assert client.get(record_path(change.sku)).status == 200
        assert watch.seconds < 2, "the read waited"
        return adjust(client, change.sku, change.delta, change.key)


def assert_withdrawn(answers: Sequence[Answer]) -> None:
    assert answers, "no change was refused"
    for answer in answers:
        assert (answer.json["error"], answer.json["outcome"]) == ("overloaded", "unknown"), answer
        assert int(answer.headers["retry-after"]) >= 1


def test_while_a_worker_stands_still_with_the_append_lock_all_others_read_and_refuse_until_it_is_replaced(serve):
    servers = [serve(COMMIT_WAIT_MS=500), serve(COMMIT_WAIT_MS=500)]
    account = account_on(servers[0], SKUS)
    change, answers = Change("after", "sku-1", 1), []
    with under_load(*servers, account=account, name="load", skus=SKUS) as load:
        load.until_confirmed(50)
        victim = freeze_holder(servers[0].workers(), servers[0].data_dir / "locks" / "append")
        watch = Stopwatch()
        load.let_end()
        # A key that was not looked up may be of a change that happened: it is sent again with the same one.
        while not answers or answers[-1].status != 200:
            answers.append(read_and_write(servers[len(answers) % 2], change))
            assert watch.seconds < BACK_WITHIN_SECONDS
        print(f"back after {watch.seconds:.1f} s, {len(answers) - 1} changes refused")

    *refused, written = answers
    assert_withdrawn(refused)
    account.confirmed[change] = written.json
    servers[0].until_replaced(victim)
    for server in servers:
        with server.client() as client:
            again = adjust(client, change.sku, change.delta, change.key)
        assert (again.replayed, again.body) == (True, written.body)
    assert_nothing_lost(servers[1], account)


def test_a_worker_that_goes_on_after_a_moment_with_the_append_lock_has_lost_and_doubled_nothing(serve):
    server = serve(COMMIT_WAIT_MS=500)
    account = account_on(server, SKUS)
    with under_load(server, account=account, name="load", skus=SKUS) as load:
        load.until_confirmed(50)
        victim = freeze_holder(server.workers(), server.data_dir / "locks" / "append")
        many = len(account.unknown)
        until("the other worker refuses", lambda: len(account.unknown) > many)
        thaw(victim)
        load.until_confirmed(50)

    assert account.refused == {}
    assert victim in server.workers()
    assert_nothing_lost(server, account)


def test_a_worker_killed_with_the_append_lock_delays_no_other_and_loses_nothing(server):
    account = account_on(server, SKUS)
    with under_load(server, account=account, name="load", skus=SKUS) as load:
        for _ in range(4):
            load.until_confirmed(30)
            victim = freeze_holder(server.workers(), server.data_dir / "locks" / "append")
            os.kill(victim, signal.SIGKILL)
            load.until_confirmed(30)
            server.until_replaced(victim)

    assert_nothing_lost(server, account)


def test_where_a_whole_server_is_stopped_with_the_append_lock_the_other_one_goes_on_without_its_master(serve):
    servers = [serve(COMMIT_WAIT_MS=500), serve(COMMIT_WAIT_MS=500)]
    account = account_on(servers[0], SKUS)
    change = Change("after", "sku-1", 1)
    with under_load(*servers, account=account, name="load", skus=SKUS) as load:
        load.until_confirmed(50)
        victim = freeze_holder(servers[0].workers(), servers[0].data_dir / "locks" / "append")
        with frozen(servers[0].master, servers[0].other(victim)):
            watch = Stopwatch()
            load.let_end()
            until("the other server takes changes", lambda: read_and_write(servers[1], change).status == 200)
            print(f"back after {watch.seconds:.1f} s")
        servers[0].until_replaced(victim)
    with servers[0].client() as client:
        account.confirmed[change] = adjust(client, change.sku, change.delta, change.key).json
    assert_nothing_lost(servers[1], account)
