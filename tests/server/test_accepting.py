"""When a worker listens: not while it leaves a client to others, and then it takes the client that still waits."""

from collections.abc import Iterator

import pytest
from gunicorn import util
from gunicorn.workers import gthread
from support.gunicorn_stand_ins import services
from support.waiting import until
from support.worker_thread import PATIENCE, WHOLE, Running, answer

from inventory.server.connection_share import ConnectionCounts, ConnectionShare
from inventory.server.worker import InventoryWorker
from inventory.settings import Settings


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
    # Not listening, it is not asked again: the client that waits does not wake this worker.
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


def test_a_client_that_is_accepted_here_is_counted_at_once(running: Running) -> None:
    share, counted = running.worker.share, []
    share.is_generous = False
    share.accepted = counted.append
    running.start()
    answer(running.client(WHOLE))
    assert counted == [1]


def test_a_worker_that_has_all_its_connections_neither_accepts_another_nor_leaves_it(
    running: Running,
) -> None:
    running.worker.worker_connections = running.worker.nr_conns = 3
    running.client(WHOLE)
    running.worker.accept(running.listener)
    assert (running.worker.nr_conns, running.worker.share.left) == (3, 0)
    running.worker.nr_conns = 0


def test_clients_that_are_left_to_others_are_counted_for_the_metrics(running: Running) -> None:
    at_work = services()
    running.worker.join(at_work)
    assert running.worker.share.count_deferred is at_work.accepts_deferred


def test_a_worker_that_is_told_to_end_while_it_leaves_a_client_to_others_ends(running: Running) -> None:
    running.start()
    running.client(WHOLE)
    until("it is left to others", lambda: running.worker.share.left)

    running.tell_to_end()

    assert (running.ends(), running.worker.drained) == (True, True)


def test_the_main_loop_looks_again_soon_while_a_client_is_left_to_others(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch, waits = gthread.ThreadWorker.wait_for_and_dispatch_events, []

    def noted(worker: InventoryWorker, timeout: float) -> None:
        waits.append(timeout)
        dispatch(worker, timeout)

    monkeypatch.setattr(gthread.ThreadWorker, "wait_for_and_dispatch_events", noted)
    running.start()
    running.client(WHOLE)
    until("it has looked again", lambda: len(waits) > 3)
    assert set(waits) == {0.001}


def test_other_workers_see_what_connections_it_has_as_long_as_it_accepts_any(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = ConnectionCounts(1)
    # ``begin`` replaces it in this process.
    monkeypatch.setattr(util, "write_error", util.write_error)
    running.worker.begin(Settings(), ConnectionShare(counts, 1))

    def told() -> list[int]:
        return [connections for slot, connections, _ in counts.accepting() if slot == 1]

    assert told() == []
    running.start()
    idle, other = running.client(WHOLE), running.client(WHOLE)
    assert [answer(client)[:12] for client in (idle, other)] == [b"HTTP/1.1 200"] * 2
    until("both are told of", lambda: told() == [2])
    other.close()
    until("the one that stays is told of", lambda: told() == [1])

    running.may_answer.clear()
    running.at_work.clear()
    idle.sendall(WHOLE)
    assert running.at_work.wait(PATIENCE)
    running.tell_to_end()
    until("it accepts none", lambda: told() == [])
    running.may_answer.set()

    # Nor does it say anything else in the rounds that it still does.
    assert (running.ends(), told()) == (True, [])
