"""A flood: many more clients than threads, each asking again the moment it is answered. Nothing here is timed."""

import pytest
from support.client import Answer, adjust, record_path, stock
from support.load import PLENTY, Account, Change, Load, assert_exactly_once
from support.running_server import assert_whole
from support.waiting import until

CLIENTS = 24
SKUS = [f"sku-{number}" for number in range(4)]
READS = (record_path("sku-0"), "/stores", "/health", "/metrics")


class Flood(Account):
    """Takes a refusal for certain only, with the code that is expected and a time to come back."""

    def __init__(self, refusal: tuple[int, str]) -> None:
        super().__init__()
        self._refusal = refusal

    def note(self, change: Change, answer: Answer) -> None:
        if answer.status == 200:
            self.confirmed[change] = answer.json
            return
        assert (answer.status, answer.json["error"]) == self._refusal, answer
        assert int(answer.headers["retry-after"]) >= 1
        # Each has a key, which no worker has looked up.
        assert answer.json["outcome"] == "unknown"
        self.refused[change] = answer.json

    def has_seen(self, many: int) -> bool:
        return len(self.confirmed) >= many and len(self.refused) >= many


@pytest.mark.parametrize(
    ("settings", "refusal"),
    [
        ({"LOAD_SHED_QUEUE_MAX": 4}, (503, "overloaded")),
        ({"RATE_LIMIT_RPS": 100, "RATE_LIMIT_BURST": 20}, (429, "rate_limited")),
    ],
    ids=["shedder", "rate limit"],
)
def test_in_a_flood_what_is_too_much_is_refused_and_nothing_confirmed_is_lost(serve, settings, refusal):
    server, account = serve(**settings), Flood(refusal)
    workers = server.workers()
    with server.clients_of_all() as clients:
        for sku in (*SKUS, "after"):
            stock(clients[0], sku, PLENTY)
        load = Load([server], account, "flood", SKUS, CLIENTS, persistent=True)
        try:
            # Also while it is flooded, each worker answers reads.
            answered = [client.get(path).status for _ in range(5) for client in clients for path in READS]
            until("many are confirmed and many refused", lambda: account.has_seen(100) or load.has_failed())
            answered += [client.get(path).status for client in clients for path in READS]
        finally:
            load.stop()
        assert set(answered) == {200}
        # With a pause, as Retry-After says: asked as fast as they can be, these too would be more than the limit.
        until(
            "every change is carried out again",
            lambda: all(adjust(client, "after", 1).status == 200 for _ in range(4) for client in clients),
            pause=0.5,
        )

    assert account.has_seen(100)
    assert server.workers() == workers
    assert_exactly_once(server.data_dir, account, lambda sku: server.get(record_path(sku)))
    assert_whole(server.data_dir)
