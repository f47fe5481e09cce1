"""One key, one change: over workers, servers and crashes."""

from contextlib import ExitStack
from functools import partial

import pytest
from support.client import Client, Unanswered, adjust, record_path, stock
from support.parallel import run_parallel
from support.processes import frozen
from support.running_server import RunningServer, assert_whole

pytestmark = pytest.mark.both_worker_classes
RESERVE = f"{record_path('sku-1')}/reserve"


def test_a_repetition_on_any_worker_of_any_server_gets_the_first_answer_and_changes_nothing(two_servers):
    with ExitStack() as stack:
        clients = [client for server in two_servers for client in stack.enter_context(server.clients_of_all())]
        stock(clients[0], "sku-1", 10)
        for number, first in enumerate(clients):
            answer = first.post(RESERVE, {"qty": 1}, Idempotency_Key=f"key-{number}")
            assert answer.status == 200
            assert not answer.replayed
            for client in clients:
                again = client.post(RESERVE, {"qty": 1}, Idempotency_Key=f"key-{number}")
                assert again.replayed
                assert (again.status, again.body, again.headers["etag"]) == (200, answer.body, answer.headers["etag"])
        assert clients[0].get(record_path("sku-1")).json["qty"] == 10 - len(clients)


def test_a_key_used_for_another_payload_or_path_is_refused_on_the_other_server_too(two_servers):
    first, second = two_servers
    with first.client() as one, second.client() as other:
        stock(one, "sku-1", 10)
        stock(one, "sku-2", 10)
        assert adjust(one, "sku-1", -1, "key").status == 200
        for answer in (adjust(other, "sku-1", -2, "key"), adjust(other, "sku-2", -1, "key")):
            assert (answer.status, answer.json["error"]) == (409, "idempotency_conflict")
        assert [other.get(record_path(sku)).json["qty"] for sku in ("sku-1", "sku-2")] == [9, 10]


def test_a_refused_change_leaves_its_key_free(two_servers):
    first, second = two_servers
    with first.client() as one, second.client() as other:
        stock(one, "sku-1", 1)
        assert adjust(one, "sku-1", -5, "key").json["error"] == "insufficient_stock"
        assert adjust(other, "sku-1", 9).status == 200
        assert adjust(one, "sku-1", -5, "key").json["qty"] == 5


def test_one_key_sixteen_times_at_once_on_two_servers_changes_stock_once_and_gives_equal_answers(two_servers):
    with ExitStack() as stack:
        clients = [
            client
            for _ in range(4)
            for server in two_servers
            for client in stack.enter_context(server.clients_of_all())
        ]
        assert len(clients) == 16
        stock(clients[0], "sku-1", 1000)
        for turn in range(5):
            answers = run_parallel(
                [partial(client.post, RESERVE, {"qty": 7}, Idempotency_Key=f"key-{turn}") for client in clients],
                at_once=16,
            )
            assert {(answer.status, answer.body) for answer in answers} == {(200, answers[0].body)}
            assert [answer.replayed for answer in answers].count(False) == 1
            assert clients[turn].get(record_path("sku-1")).json["qty"] == 1000 - 7 * (turn + 1)


def test_keys_outlive_a_kill_of_the_whole_server(server):
    with server.client() as client:
        stock(client, "sku-1", 10)
        answers = [client.post(RESERVE, {"qty": 1}, Idempotency_Key=f"key-{number}") for number in range(5)]
    server.kill_group()
    server.restart()
    with server.clients_of_all() as clients:
        for number, answer in enumerate(answers):
            for client in clients:
                again = client.post(RESERVE, {"qty": 1}, Idempotency_Key=f"key-{number}")
                assert (again.replayed, again.status, again.body) == (True, 200, answer.body)
        assert adjust(clients[0], "sku-1", -1, "key-0").json["error"] == "idempotency_conflict"
        assert clients[1].get(record_path("sku-1")).json["qty"] == 5
    assert_whole(server.data_dir)


def _sent_without_answer(client: Client, key: str) -> None:
    with pytest.raises(Unanswered):
        adjust(client, "sku-1", 1, key)


def test_a_retry_after_a_kill_before_the_answer_changes_stock_once(server: RunningServer):
    """The request reaches a worker that stands still; the server dies; the same key comes again."""
    with server.client() as client:
        stock(client, "sku-1", 0)
    with ExitStack() as stack:
        clients = [server.client_of(worker) for worker in server.workers() for _ in range(3)]
        for client in clients:
            stack.enter_context(client)
            client.patient_for(0.5)
        with frozen(*server.workers()):
            tasks = [partial(_sent_without_answer, client, f"key-{n}") for n, client in enumerate(clients)]
            run_parallel(tasks, at_once=len(tasks))
        # They go on now, and each of the changes may be anywhere on its way when the end comes.
        server.kill_group()
    server.restart()
    with server.client() as client:
        for number in range(len(clients)):
            assert adjust(client, "sku-1", 1, f"key-{number}").status == 200
        assert client.get(record_path("sku-1")).json["qty"] == len(clients)
    assert_whole(server.data_dir)
