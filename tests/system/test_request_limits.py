"""Limits that hold over all workers of a server."""

from support.client import adjust
from support.waiting import Stopwatch


def test_one_client_has_one_bucket_over_both_workers(serve):
    server = serve(RATE_LIMIT_RPS=1, RATE_LIMIT_BURST=40)
    with server.clients_of_all() as clients:
        since = Stopwatch()
        answers = [adjust(client, "none", 1) for _ in range(40) for client in clients]
        took = since.seconds
        again = [client.get("/health").status for client in clients]
        counted = clients[0].get("/metrics").json["rateLimited"]
    passed = [answer for answer in answers if answer.status == 404]
    refused = [answer for answer in answers if answer.status == 429]
    # Forty, and one for each second that this takes; with a bucket in each worker all eighty would pass.
    assert 40 <= len(passed) <= 41 + took
    assert len(passed) + len(refused) == 80
    assert counted == len(refused)
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert again == [200, 200]
