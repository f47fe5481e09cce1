"""A real server whose disk fails for a while: what its clients see meanwhile, and that it recovers."""

import json

import pytest
from support.client import Answer, Client, adjust, record_path
from support.load import Account, account_on, assert_exactly_once, under_load
from support.running_server import RunningServer, Serve, assert_whole
from support.waiting import until

SKUS = ["hot", "warm", "cold"]
ASIDE = "aside"
"""A SKU that is not under load: the tests' own changes must not be in the account of it."""
AT_REST = "at-rest"
"""A SKU that nothing changes: what is read of it is durable whatever else fails."""


def until_refused(client: Client) -> None:
    """Wait until the worker at the other end of a connection refuses changes."""

    def refused() -> bool:
        answer = adjust(client, ASIDE, 1)
        return answer.status == 503 and answer.json["error"] == "needs_operator"

    until("changes are refused until an operator acts", refused)


def seen_read_only(clients: list[Client], answers: dict[Client, Answer]) -> bool:
    """Note refusals of workers that are read-only, not ready, and answer reads; returns whether all have been."""
    for client in clients:
        answer, readiness = adjust(client, ASIDE, 1), client.get("/health/readiness")
        reads = client.get(record_path("hot")), client.get("/health")
        assert [read.status for read in reads] == [200, 200]
        if answer.status == 503 and answer.json["error"] == "read_only" and readiness.status == 503:
            answers[client] = answer
    return len(answers) == len(clients)


def assert_account(server: RunningServer, account: Account) -> None:
    assert_exactly_once(server.data_dir, account, lambda sku: server.get(record_path(sku)))
    assert_whole(server.data_dir)


def test_while_appends_fail_the_service_is_read_only_and_comes_back_by_itself(serve: Serve):
    # Three failures open the breaker of a worker; then one probe a second fails, until the faults are used up.
    server = serve(FAILPOINTS="before-append=fail:EIO@30-36", BREAKER_THRESHOLD=3, BREAKER_COOLDOWN_MS=1000)
    workers, account = server.workers(), account_on(server, (*SKUS, ASIDE, AT_REST))
    with (
        server.clients_of_all() as clients,
        under_load(server, account=account, name="load", skus=SKUS) as load,
    ):
        # In turn: each worker has its own breaker, and is read-only at a time of its own.
        answers: dict[Client, Answer] = {}
        until("each worker was read-only", lambda: seen_read_only(clients, answers), pause=0.02)
        for client in clients:
            refusal = answers[client]
            assert (refusal.json["outcome"], refusal.headers["retry-after"]) == ("none", "1")
            until("changes are taken again", lambda client=client: adjust(client, ASIDE, 1).status == 200)
        load.until_confirmed(100)

    assert {body["error"] for body in account.refused.values()} == {"read_only", "storage_unavailable"}
    assert server.workers() == workers
    assert_account(server, account)


@pytest.mark.parametrize("place", ["during-append", "after-append"])
def test_what_a_failed_append_has_written_is_cut_off_and_nothing_refused_is_in_the_log(serve: Serve, place: str):
    # Often enough that the writer of the other worker comes upon it too; never three in a row.
    times = ",".join(f"{place}=fail:EIO@{number}" for number in range(10, 100, 3))
    server = serve(FAILPOINTS=times, BREAKER_THRESHOLD=100)
    account = account_on(server, (*SKUS, ASIDE, AT_REST))
    with under_load(server, account=account, name="load", skus=SKUS) as load:
        until("changes are refused", lambda: len(account.refused) > 20)
        load.until_confirmed(50)

    assert {(body["error"], body["outcome"]) for body in account.refused.values()} == {("storage_unavailable", "none")}
    assert_account(server, account)


def test_when_no_file_can_be_put_in_place_changes_go_on_and_the_next_server_catches_up(serve: Serve):
    server = serve(
        FAILPOINTS="before-rename=fail:ENOSPC", RETRY_TIMES=1, SYNC_INTERVAL_MS=50, SNAPSHOT_EVERY_N_EVENTS=50
    )
    account = account_on(server, (*SKUS, ASIDE, AT_REST))
    with under_load(server, account=account, name="load", skus=SKUS) as load:
        load.until_confirmed(100)
        until("publishing has failed", lambda: server.get("/sync/status")["failures"])
        until("a snapshot has failed", lambda: "cannot take a snapshot" in server.stdout.read_text())
        load.until_confirmed(100)
    assert (account.refused, account.unknown) == ({}, [])
    assert server.end() == 0
    assert list(server.data_dir.rglob("*.tmp")) == []
    assert list((server.data_dir / "snapshots").iterdir()) == []

    second = serve(SYNC_INTERVAL_MS=50)

    assert_account(second, account)
    sequence = second.get(record_path("hot"))["sequence"]
    view = second.data_dir / "central-inventory.json"
    until("the views are there", lambda: view.exists() and json.loads(view.read_bytes())["asOfSequence"] >= sequence)


def test_after_a_sync_that_failed_the_service_is_read_only_until_a_server_starts_and_loses_nothing(serve: Serve):
    server = serve(FAILPOINTS="before-sync=fail:EIO@20")
    account = account_on(server, (*SKUS, ASIDE, AT_REST))
    with (
        server.clients_of_all() as clients,
        under_load(server, account=account, name="load", skus=SKUS),
    ):
        for client in clients:
            until_refused(client)
            # The first refusal may be that of a change in the batch whose sync failed.
            assert adjust(client, ASIDE, 1).json["outcome"] == "none"
        for client in clients:
            # Not ASIDE: where its last change was in the batch that failed, no durable answer can be given.
            assert client.get(record_path(AT_REST)).status == 200
            readiness = client.get("/health/readiness")
            assert (readiness.status, "flush of the event log has failed" in readiness.json["reason"]) == (503, True)
        seen = len(account.refused)
        until("many more are refused", lambda: len(account.refused) > seen + 100)
        assert {adjust(client, ASIDE, 1).json["error"] for client in clients} == {"needs_operator"}
    assert server.end() == 0

    second = serve()

    with second.client() as client:
        account.settle(client)
        assert adjust(client, ASIDE, 1).status == 200
    assert_account(second, account)


def test_a_server_with_failpoints_says_so_and_so_does_each_worker(serve: Serve):
    server = serve(FAILPOINTS="in-compaction=delay:1")
    assert "FAILPOINTS is set" in server.stderr.read_text()
    line = "injects faults from now on, for tests only: in-compaction=delay:1"
    until("each worker has said so", lambda: server.stdout.read_text().count(line) == len(server.workers()))
