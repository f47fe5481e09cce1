"""When a worker listens: not while it leaves a client to others, and then it takes the client that still waits."""

from collections.abc import Iterator

import pytest
from gunicorn.workers import gthread
from support.waiting import until
from support.worker_thread import WHOLE, Running, answer

from inventory.server.connection_share import ConnectionCounts, ConnectionShare


class Generous(ConnectionShare):
    """Leaves each client to others until a test says otherwise. :ivar left: how many."""

    def __init__(self) -> None:
        super().__init__(ConnectionCounts(1), 0)
        self.left, self.is_generous = 0, True

    def leaves_to_others(self) -> bool:
        self.left += self.is_generous
        return self.is_generous

    def waits(self) -> bool:
        return self.is_generous and self.left > 0

    def seconds_to_wait(self, most: float) -> float:
        return 0.001


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(gthread, "STOP_KEEPALIVE_LINGER", gthread.STOP_KEEPALIVE_LINGER)
    made = Running()
    made.may_answer.set()
    made.worker.share = Generous()
    yield made
    made.close()


def test_a_client_that_is_left_to_others_and_not_taken_is_answered_here(running: Running) -> None:
    running.start()
    client = running.client(WHOLE)
    share = running.worker.share
    until("it is left to others", lambda: share.left)
    # Not listening, it is not asked again: the client that waits wakes nobody here.
    assert (running.worker.nr_conns, share.left) == (0, 1)

    share.is_generous = False

    assert answer(client).startswith(b"HTTP/1.1 200")


def test_a_client_that_another_worker_got_first_is_not_counted_as_accepted_here(running: Running) -> None:
    share, counted = running.worker.share, []
    share.is_generous = False
    share.accepted = counted.append
    running.listener.setblocking(False)

    running.worker.accept(running.listener)

    assert (counted, running.worker.nr_conns) == ([], 0)


def test_a_worker_that_is_told_to_end_while_it_leaves_a_client_to_others_ends(running: Running) -> None:
    running.start()
    running.client(WHOLE)
    until("it is left to others", lambda: running.worker.share.left)

    running.tell_to_end()

    assert (running.ends(), running.worker.drained) == (True, True)
