"""Clients that send batches of 1,000 reserves without pause, and others that change single records."""

import threading

from support.client import Client, record_path
from support.running_server import assert_whole

SENDERS = 6
SINGLES = 40
OPERATIONS = [{"op": "reserve", "storeId": "store-2", "sku": f"sku-{number % 500}", "qty": 1} for number in range(1000)]
STOCKED = [{"op": "count", "storeId": "store-2", "sku": f"sku-{number}", "onHand": 10**9} for number in range(500)]
# What is too much is to be refused for its weight, and not because this machine is slow.
SETTINGS = {"WEB_CONCURRENCY": 1, "RATE_LIMIT_RPS": 0, "COMMIT_WAIT_MS": 60_000}


class Sender:
    """Sends one batch after the other, and heeds no ``Retry-After``. :ivar answers: status and code of each."""

    def __init__(self, port: int, *, atomic: bool) -> None:
        self.answers: list[tuple[int, str | None]] = []
        self._port, self._body, self._stop = port, {"atomic": atomic, "operations": OPERATIONS}, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(120)

    def _run(self) -> None:
        with Client(self._port, timeout=120) as client:
            while not self._stop.is_set():
                answer = client.post("/inventory/batch", self._body)
                self.answers.append((answer.status, answer.json.get("error")))


def reserved(client: Client) -> int:
    page = client.get("/stores/store-2/inventory?limit=1000").json
    return sum(record["reserved"] for record in page["items"])


def test_beside_batches_of_1000_reserves_single_changes_are_all_carried_out(serve):
    server = serve(**SETTINGS)
    with server.client() as client:
        assert client.post("/inventory/batch", {"atomic": True, "operations": STOCKED}).status == 200
        client.put(record_path("sku-1"), {"onHand": 0})
        senders = [Sender(server.port, atomic=number % 2 == 0) for number in range(SENDERS)]
        try:
            singles = [client.post(f"{record_path('sku-1')}/adjust", {"delta": 1}) for _ in range(SINGLES)]
        finally:
            for sender in senders:
                sender.stop()
        answers = [answer for sender in senders for answer in sender.answers]
        readiness = client.get("/health/readiness").json

        assert [answer.json.get("onHand") for answer in singles] == list(range(1, SINGLES + 1))
        assert set(answers) == {(200, None), (503, "overloaded")}
        assert reserved(client) == 1000 * answers.count((200, None))
        assert (readiness["ready"], readiness["breakers"]["ledger"]) == (True, "closed")
    assert_whole(server.data_dir)
