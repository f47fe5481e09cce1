"""Every file that is derived from the log can be deleted: the answers stay the same."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from support.client import Answer, Client, adjust, record_path, stock
from support.running_server import RunningServer, assert_whole, run_command

READS = (
    *(record_path(sku, store) for sku in ("sku-1", "sku-2") for store in ("store-1", "store-2")),
    "/stores",
    "/stores?limit=1",
    "/stores/store-1/inventory",
    "/stores/store-2/inventory?prefix=sku-2",
    "/inventory/sku-1",
    "/central/inventory/sku-2",
    "/inventory/none",
    record_path("none"),
)
DERIVED = ("locks", "store-inventory.json", "central-inventory.json")


def told(client: Client) -> list[tuple[int, str | None, Any]]:
    """What the service answers to every one of the reads, without what belongs to the request alone."""
    return [_told(client.get(path)) for path in READS]


def _told(answer: Answer) -> tuple[int, str | None, Any]:
    passing = ("requestId", "lagMs")
    body = {name: value for name, value in answer.json.items() if name not in passing}
    return answer.status, answer.headers.get("etag"), body


def filled(server: RunningServer) -> list[Answer]:
    """Make some history; returns what was answered under the keys key-0, key-1, …"""
    with server.client() as client:
        for store in ("store-1", "store-2"):
            stock(client, "sku-1", 10, store)
            stock(client, "sku-2", 20, store)
        answers = [adjust(client, "sku-1", 3, "key-0"), adjust(client, "sku-2", -5, "key-1")]
        answers.append(client.post(f"{record_path('sku-1')}/reserve", {"qty": 2}, Idempotency_Key="key-2"))
        assert client.put(record_path("sku-2"), {"onHand": 50}).json["previousVersion"] == 2
        assert client.post("/sync").status == 200
    return answers


def repeat(client: Client) -> list[Answer]:
    reserve = client.post(f"{record_path('sku-1')}/reserve", {"qty": 2}, Idempotency_Key="key-2")
    return [adjust(client, "sku-1", 3, "key-0"), adjust(client, "sku-2", -5, "key-1"), reserve]


def delete(path: Path) -> None:
    assert path.exists()
    shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("names", [*((name,) for name in DERIVED), DERIVED], ids="+".join)
def test_without_its_derived_files_a_server_gives_the_same_answers(server, names):
    first = filled(server)
    with server.client() as client:
        before = told(client)
    assert server.end() == 0
    published = (server.data_dir / DERIVED[1]).read_bytes()
    for name in names:
        delete(server.data_dir / name)

    server.restart()

    with server.clients_of_all() as clients:
        for client in clients:
            assert told(client) == before
            again = repeat(client)
            assert all(answer.replayed for answer in again)
            assert [answer.body for answer in again] == [answer.body for answer in first]
            assert told(client) == before
        assert clients[0].post("/sync").status == 200
    assert (server.data_dir / DERIVED[1]).read_bytes() == published
    assert_whole(server.data_dir)


def test_rebuild_waits_for_no_server_but_refuses_beside_one_and_gives_the_same_answers_after_it(server):
    filled(server)
    with server.client() as client:
        before = told(client)
    refused = run_command(server.data_dir, "rebuild", "--yes")
    assert refused.returncode == 1
    assert "stop that first" in refused.stderr
    assert server.end() == 0
    assert run_command(server.data_dir, "rebuild", "--yes").returncode == 0

    server.restart()

    with server.client() as client:
        assert told(client) == before
