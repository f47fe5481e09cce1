"""The feed over servers: no event is missing, none comes twice, and followers delay no other client."""

import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import groupby
from typing import Any

from support.client import Client, adjust, record_path, stock
from support.following import END, STREAM, Follower, Streamed, polling, stream_of, streaming
from support.load import logged_lines
from support.running_server import RunningServer
from support.waiting import until

SKUS = [f"sku-{number}" for number in range(4)]
ORDERS = 40


def told(events: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(event["sequence"], event["eventId"]) for event in events]


def order(client: Client, number: str) -> None:
    """Hold several SKUs at once, and let every second hold go."""
    lines = [{"storeId": "store-1", "sku": sku, "qty": 1} for sku in SKUS[:3]]
    made = client.post("/reservations", {"lines": lines, "reference": f"order-{number}"})
    assert made.status == 201, made
    then = "commit" if number.endswith(("0", "2", "4", "6", "8")) else "release"
    assert client.post(f"/reservations/{made.json['reservationId']}/{then}").status == 200
    assert adjust(client, SKUS[3], 1).status == 200


def take_orders(server: RunningServer, name: str) -> list[str]:
    numbers = [f"{name}-{number}" for number in range(ORDERS)]
    with server.client() as client:
        for number in numbers:
            order(client, number)
    return [f"order-{number}" for number in numbers]


def followed(servers: tuple[RunningServer, RunningServer]) -> tuple[list[Follower], list[str]]:
    """Follow the feed of both servers while orders come to both; returns when all is quiet."""
    first, second = servers
    with first.client() as client:
        for sku in SKUS:
            stock(client, sku, 10_000)
    followers = [polling(first.port), streaming(second.port, reconnect_after=25)]
    with ThreadPoolExecutor(4) as pool:
        taken = [pool.submit(take_orders, servers[number % 2], f"clerk-{number}") for number in range(4)]
        references = [reference for orders in taken for reference in orders.result()]
    with second.client() as client:
        assert client.post(f"{record_path(SKUS[0])}/adjust", {"delta": 1, "reference": END}).status == 200
    return followers, references


def test_feeds_that_miss_orders_followers_of_two_servers_see_every_event_once_in_order(two_servers):
    followers, references = followed(two_servers)
    for follower in followers:
        follower.all_seen()
    log = logged_lines(two_servers[0].data_dir)
    assert [line["sequence"] for line in log] == list(range(1, len(log) + 1))
    for follower in followers:
        seen = follower.all_seen()
        assert told(seen) == told(log)
        made = [event["reference"] for event in seen if event["type"] == "reservation.created"]
        assert sorted(made) == sorted(references)
        for_each = sorted((line["sku"], line["version"], line) for event in seen for line in event["lines"])
        for _, steps in groupby(for_each, key=lambda step: step[0]):
            lines = [line for _, _, line in steps]
            assert [line["version"] for line in lines] == list(range(1, len(lines) + 1))
            assert [line["before"] for line in lines[1:]] == [line["after"] for line in lines[:-1]]


def test_waiters_up_to_their_share_leave_the_threads_to_changes(server):
    with ExitStack() as stack, server.client() as client:
        stock(client, "sku-1", 100)
        workers = server.workers()
        streams = [stream_of(server, worker) for worker in workers]
        for stream in streams:
            stack.callback(stream.close)
            assert (stream.status, stream.event()["sequence"]) == (200, 1)
        # Of 4 threads one may wait; the others are refused at once, however many come.
        for worker in workers:
            for _ in range(6):
                waiter = stack.enter_context(server.client_of(worker))
                refused = waiter.get("/events?after=1&wait=25")
                assert (refused.status, refused.json["error"], refused.headers["retry-after"]) == (
                    503,
                    "overloaded",
                    "1",
                )
                assert waiter.get("/events", **STREAM).status == 503
        for worker in workers:
            with server.client_of(worker) as changer:
                for _ in range(5):
                    assert adjust(changer, "sku-1", -1).status == 200
        for stream in streams:
            assert [stream.event()["sequence"] for _ in range(10)] == list(range(2, 12))


def test_a_reader_that_goes_away_leaves_its_place(server):
    worker = server.workers()[0]
    with server.client() as client:
        stock(client, "sku-1", 100)

        def stream_with_a_place() -> Streamed | None:
            # The server writes to a client that has gone away, which fails.
            assert adjust(client, "sku-1", 1).status == 200
            stream = stream_of(server, worker)
            if stream.status == 503:
                stream.close()
                return None
            return stream

        for _ in range(4):
            stream = until("there is a place", stream_with_a_place)
            assert stream.event()["sequence"] == 1
            stream.close()


def test_a_server_that_is_told_to_end_ends_its_streams_and_waits_and_its_status_is_0(serve):
    # A grace that is longer than this test waits for the end.
    server = serve(COMMIT_WAIT_MS=120_000, THREADS=12)
    with server.client() as client, ThreadPoolExecutor(2) as pool:
        stock(client, "sku-1", 1)
        streams = [stream_of(server, worker) for worker in server.workers()]
        assert [stream.event()["sequence"] for stream in streams] == [1, 1]
        old = socket.create_connection(("127.0.0.1", server.port), 20)
        old.sendall(b"GET /events HTTP/1.0\r\nAccept: text/event-stream\r\nConnection: keep-alive\r\n\r\n")
        received = b""
        while b"data: " not in received:
            received += old.recv(4096)
        polls = [pool.submit(server.client_of(worker).get, "/events?after=1&wait=25") for worker in server.workers()]
        assert server.end(signal.SIGTERM, within=20) == 0
        assert [stream.event() for stream in streams] == [None, None]
        assert [poll.result().json["items"] for poll in polls] == [[], []]
        while part := old.recv(4096):
            received += part
        old.close()
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert body.count(b"data: ") == 1


def test_the_history_and_a_record_as_it_was_are_the_same_from_every_worker(two_servers):
    with ExitStack() as stack:
        clients = [client for server in two_servers for client in stack.enter_context(server.clients_of_all())]
        stock(clients[0], "sku-1", 10)
        for number in range(1, 9):
            assert adjust(clients[number % 4], "sku-1", number).status == 200
        path = record_path("sku-1")
        histories = [client.get(f"{path}/history").json for client in clients]
        assert [len(history["items"]) for history in histories] == [9] * 4
        assert all(history == histories[0] for history in histories)
        for step in histories[0]["items"]:
            for client in clients:
                as_it_was = client.get(f"{path}?asOfSequence={step['sequence']}").json
                assert (as_it_was["version"], as_it_was["onHand"]) == (step["version"], step["after"]["onHand"])
