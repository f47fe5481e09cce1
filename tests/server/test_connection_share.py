"""A worker's share of the connections: to which workers it leaves a client, for how long, and when no longer."""

import os

import pytest

from inventory.server.connection_share import PATIENCE_SECONDS, ConnectionCounts, ConnectionShare


class Server:
    """The shares of some workers; a test moves the time, and says who has done a round with how many connections."""

    def __init__(self, workers: int = 2) -> None:
        self.now = 100.0
        self.counts = ConnectionCounts(workers)
        self.shares = [self._share() for _ in range(workers)]
        for share in self.shares:
            share.note(0)

    def _share(self) -> ConnectionShare:
        slot = self.counts.take_slot()
        assert slot is not None
        return ConnectionShare(self.counts, slot, lambda: self.now)

    def have(self, *connections: int) -> None:
        for share, count in zip(self.shares, connections, strict=True):
            share.round_is_over(count)

    def patience_ends(self) -> None:
        self.now += PATIENCE_SECONDS


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.mark.parametrize(
    ("ours", "theirs", "is_left"),
    [(0, 0, False), (4, 0, False), (5, 0, True), (36, 28, True), (35, 28, False), (28, 36, False), (1000, 995, False)],
)
def test_a_client_is_left_to_a_worker_that_has_clearly_fewer_connections(
    server: Server, ours: int, theirs: int, is_left: bool
) -> None:
    server.have(ours, theirs)
    assert server.shares[0].leaves_to_others() == is_left


def test_in_no_order_but_to_whichever_worker_has_clearly_fewest() -> None:
    server = Server(4)
    server.have(9, 9, 2, 9)
    assert [share.leaves_to_others() for share in server.shares] == [True, True, False, True]


def test_a_worker_listens_again_as_soon_as_the_others_have_as_many(server: Server) -> None:
    share = server.shares[0]
    server.have(10, 0)
    assert share.leaves_to_others()
    assert share.waits()
    server.shares[1].note(6)
    assert not share.waits()
    assert not share.leaves_to_others()


def test_a_client_that_no_worker_takes_is_accepted_when_the_patience_ends_and_the_next_one_is_left_again(
    server: Server,
) -> None:
    share = server.shares[0]
    server.have(10, 0)
    assert (share.leaves_to_others(), share.waits()) == (True, True)
    server.patience_ends()
    assert (share.waits(), share.seconds_to_wait(1.0)) == (False, 0.0)
    assert not share.leaves_to_others()
    assert share.leaves_to_others()


def test_after_a_client_that_another_has_taken_meanwhile_the_next_one_is_left_again(server: Server) -> None:
    share = server.shares[0]
    server.have(10, 0)
    share.leaves_to_others()
    server.patience_ends()
    share.waits()
    # In its next round no client is there.
    share.round_is_over(10)
    assert (share.seconds_to_wait(1.0), share.leaves_to_others()) == (1.0, True)


def left_in_vain(server: Server, times: int) -> list[bool]:
    share, left = server.shares[0], []
    for _ in range(times):
        left.append(share.leaves_to_others())
        server.patience_ends()
        if left[-1]:
            assert not share.waits()
            assert not share.leaves_to_others()
    return left


def test_nothing_more_is_left_to_a_worker_that_does_no_round_until_it_does_one(server: Server) -> None:
    server.have(10, 0)
    assert left_in_vain(server, 7) == [True] * 5 + [False] * 2
    server.shares[1].round_is_over(0)
    assert left_in_vain(server, 7) == [True] * 5 + [False] * 2


def test_a_worker_that_does_rounds_and_is_slow_to_accept_stays_the_one_to_accept(server: Server) -> None:
    server.have(10, 0)
    for _ in range(20):
        assert left_in_vain(server, 1) == [True]
        server.shares[1].round_is_over(0)


def test_after_sixteen_clients_one_is_left_to_a_worker_that_has_not_been_seen_since(server: Server) -> None:
    share = server.shares[0]
    server.have(0, 30)
    for connections in range(16):
        assert not share.leaves_to_others()
        share.accepted(connections + 1)
    assert share.leaves_to_others()
    server.shares[1].round_is_over(30)
    assert (share.waits(), share.leaves_to_others()) == (False, False)


@pytest.mark.parametrize("ended", ["leaves", "has ended"])
def test_nothing_is_left_to_a_worker_that_accepts_no_more(server: Server, ended: str) -> None:
    server.have(10, 0)
    if ended == "leaves":
        server.shares[1].leave()
    else:
        server.counts.give_back(1)
    assert not server.shares[0].leaves_to_others()


def test_the_slot_of_a_worker_that_has_ended_is_its_successors_which_is_waited_for_again(server: Server) -> None:
    server.have(10, 0)
    assert left_in_vain(server, 6)[-1] is False
    server.counts.give_back(1)
    slot = server.counts.take_slot()
    assert slot == 1
    ConnectionShare(server.counts, slot).note(0)
    assert server.shares[0].leaves_to_others()


def test_there_are_slots_for_those_that_replace_all_workers_at_once_and_then_no_more() -> None:
    counts = ConnectionCounts(3)
    slots = [counts.take_slot() for _ in range(counts.slots)]
    assert (len(set(slots)) >= 6, counts.take_slot()) == (True, None)


def test_each_client_that_is_left_is_counted_once(server: Server) -> None:
    share, counted = server.shares[0], []
    share.count_deferred = lambda: counted.append(1)
    server.have(10, 0)
    share.leaves_to_others()
    share.waits()
    server.patience_ends()
    share.waits()
    share.leaves_to_others()
    assert len(counted) == 1


def test_what_a_forked_worker_tells_reaches_the_others(server: Server) -> None:
    server.have(10, 10)
    child = os.fork()
    if not child:
        server.shares[1].note(3)
        os._exit(0)
    os.waitpid(child, 0)
    assert server.shares[0].leaves_to_others()
    assert not Server().shares[0].leaves_to_others()


@pytest.mark.parametrize("is_overdue", [False, True])
def test_a_worker_that_is_told_to_end_while_it_leaves_a_client_to_others_sleeps_as_ever(
    server: Server, is_overdue: bool
) -> None:
    share = server.shares[0]
    server.have(10, 0)
    assert share.leaves_to_others()
    if is_overdue:
        server.patience_ends()
        share.waits()
    share.leave()
    assert share.seconds_to_wait(1.0) == 1.0
