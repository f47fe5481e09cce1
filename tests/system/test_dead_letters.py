"""A log with a line that does not continue its record, under a real server."""

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson
from support.client import adjust, record_path, stock
from support.running_server import RunningServer, assert_whole, run_command
from support.waiting import until

PROBLEM = "sku-1 in store-1: event 3 does not continue the record's history"


def miscount(data_dir: Path) -> None:
    """Append a third event of sku-1 that says 12 where 10 and -3 make 7, as a program would that counts wrong."""
    segment = next((data_dir / "events").glob("*.jsonl"))
    first, *_, last = segment.read_bytes().splitlines()
    event = orjson.loads(first)
    event["lines"][0] |= {"onHandDelta": -3, "onHand": 12, "version": 3}
    del event["chain"]
    body = orjson.dumps({**event, "sequence": 3})[:-1]
    chain = blake2b(bytes.fromhex(orjson.loads(last)["chain"]) + body, digest_size=16).hexdigest().encode()
    with segment.open("ab") as file:
        file.write(body + b',"chain":"' + chain + b'"}\n')


def noted(server: RunningServer) -> list[dict[str, Any]]:
    path = server.data_dir / "dead-letter.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def verify(server: RunningServer) -> dict[str, Any]:
    return json.loads(run_command(server.data_dir, "verify", "--json").stdout)


def test_a_dead_letter_is_shown_the_rest_goes_on_and_a_discard_heals_it(server):
    with server.client() as client:
        stock(client, "sku-1", 10)
        stock(client, "sku-2", 5)
    assert server.end() == 0
    miscount(server.data_dir)

    server.restart()
    until("the letter is noted", lambda: noted(server))

    [problem] = verify(server)["problems"]
    assert problem.startswith(PROBLEM)
    assert server.get("/dead-letters?state=dead")["items"] == noted(server)
    assert server.get("/health/readiness")["brokenRecords"] == server.get("/metrics")["deadLetters"] == 1
    with server.clients_of_all() as clients:
        for sold, client in enumerate(clients, 1):
            refused = adjust(client, "sku-1", -1)
            assert (refused.status, refused.json["error"], refused.json["outcome"]) == (503, "needs_operator", "none")
            assert client.get(record_path("sku-1")).json["onHand"] == 12
            assert adjust(client, "sku-2", -1).json["qty"] == 5 - sold
        assert clients[0].post("/sync").status == 200
        published = json.loads((server.data_dir / "store-inventory.json").read_bytes())["records"]
        assert [record["qty"] for record in published] == [12, 3]

        done = run_command(server.data_dir, "dead-letters", "discard", "3", "--reason", "the till was mended")
        assert done.returncode == 0, done.stderr

        for number, client in enumerate(clients, 1):
            healed = adjust(client, "sku-1", -1)
            assert (healed.status, healed.json["onHand"], healed.json["version"]) == (200, 10 - number, 4 + number)
    assert [letter["state"] for letter in noted(server)] == ["dead", "discarded"]
    assert server.get("/metrics")["deadLetters"] == 0
    assert_whole(server.data_dir)

    assert server.end() == 0
    server.restart()

    assert server.get(record_path("sku-1"))["onHand"] == 8
    assert server.get("/health/readiness")["brokenRecords"] == 0
    [letter] = server.get("/dead-letters")["items"]
    assert (letter["state"], letter["settled"]["reason"]) == ("discarded", "the till was mended")
    assert len(noted(server)) == 2
    assert verify(server).items() >= {"ok": True, "checkedSequence": 8, "problems": [], "drift": []}.items()


def test_two_servers_note_a_letter_once_and_agree_when_it_is_requeued(serve):
    first = serve()
    with first.client() as client:
        stock(client, "sku-1", 10)
        stock(client, "sku-2", 5)
    assert first.end() == 0
    miscount(first.data_dir)
    first.restart()
    second = serve()
    until("the letter is noted", lambda: noted(first))

    assert run_command(first.data_dir, "dead-letters", "requeue", "3").returncode == 0

    with first.client() as one, second.client() as other:
        assert [adjust(client, "sku-1", -1).json["onHand"] for client in (one, other)] == [11, 10]
    assert [letter["state"] for letter in noted(first)] == ["dead", "requeued"]
    assert_whole(first.data_dir)
