"""SIGTERM and SIGINT under load: what was begun is answered, what was answered is there, the status is 0."""

import signal

import pytest
from system.client import record_path, stock
from system.load import PLENTY, Account, Load, assert_exactly_once, logged_lines
from system.running_server import RunningServer, assert_whole


def ended_under_load(server: RunningServer, with_signal: int) -> Account:
    """Put the server under load, end it with a signal, and return what its clients know."""
    with server.client() as client:
        stock(client, "sku-1", PLENTY)
    account = Account()
    load = Load([server], account, "load", ["sku-1"], persistent=False)
    load.until_confirmed(200)
    status = server.end(with_signal)
    load.join()
    assert status == 0
    return account


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_end_under_load_ends_with_status_0_and_keeps_every_answered_change(
    server, with_signal
):
    account = ended_under_load(server, with_signal)
    server.restart()
    with server.client() as client:
        account.settle(client)
    assert_exactly_once(server.data_dir, account, lambda sku: server.get(record_path(sku)))
    assert_whole(server.data_dir)


def test_after_sigterm_every_change_that_was_begun_has_been_answered(server):
    account = ended_under_load(server, signal.SIGTERM)
    committed = {line["idempotency"]["key"] for line in logged_lines(server.data_dir) if line.get("idempotency")}
    assert committed == {change.key for change in account.confirmed}


def test_after_sigterm_every_answered_request_has_its_line_in_the_log(server):
    account = ended_under_load(server, signal.SIGTERM)
    answered = [line for line in server.log_lines() if line.get("logger") == "inventory.request"]
    assert [line["status"] for line in answered if line["method"] == "POST"].count(200) == len(account.confirmed)
