"""The bulkhead and the load shedder: which requests are refused at once."""

import pytest
from support.parallel import run_parallel

from inventory.resilience.bulkhead import Bulkhead
from inventory.resilience.load_shedder import LoadShedder


def test_as_many_as_may_be_are_let_in_and_not_one_more():
    bulkhead = Bulkhead(3)
    assert [bulkhead.enter() for _ in range(5)] == [True, True, True, False, False]


def test_a_request_that_leaves_makes_room_for_one():
    bulkhead = Bulkhead(2)
    while bulkhead.enter():
        pass
    bulkhead.leave()
    assert [bulkhead.enter(), bulkhead.enter()] == [True, False]


def test_sixteen_threads_never_overfill_it():
    bulkhead = Bulkhead(5)
    assert sum(run_parallel([bulkhead.enter] * 64, at_once=16)) == bulkhead.at_work == 5


@pytest.mark.parametrize(
    ("threads", "at_work", "waiting", "sheds"),
    [(16, 7, 257, True), (16, 7, 256, False), (16, 6, 10_000, False), (16, 15, 257, True), (1, 0, 257, True)],
)
def test_it_sheds_above_the_limit_while_half_of_the_threads_are_at_work(threads, at_work, waiting, sheds):
    shedder = LoadShedder(256, threads, lambda: at_work)
    shedder.watch(lambda: waiting)
    assert shedder.sheds() is sheds


@pytest.mark.parametrize(("changes", "sheds"), [(257, True), (256, False)])
def test_above_the_limit_of_changes_alone_it_sheds_however_few_threads_are_at_work(changes, sheds):
    shedder = LoadShedder(256, 16, lambda: 0)
    shedder.watch(lambda: 10)
    shedder.watch(lambda: changes, only_changes=True)
    assert shedder.sheds() is sheds


def test_all_queues_count_together():
    shedder = LoadShedder(10, 1, lambda: 0)
    shedder.watch(lambda: 6)
    before = shedder.sheds()
    shedder.watch(lambda: 5)
    assert (before, shedder.sheds(), shedder.waiting()) == (False, True, 11)


@pytest.mark.parametrize(("threads", "at_work"), [(16, 7), (16, 14), (4, 2), (1, 0)])
def test_of_those_who_come_while_too_much_waits_every_second_one_is_let_in(threads, at_work):
    shedder = LoadShedder(256, threads, lambda: at_work)
    shedder.watch(lambda: 257)
    assert [shedder.sheds() for _ in range(6)] == [True, False] * 3


@pytest.mark.parametrize("threads", [2, 4, 16])
def test_the_last_thread_takes_up_no_change_while_too_much_waits(threads):
    shedder = LoadShedder(256, threads, lambda: threads - 1)
    shedder.watch(lambda: 257)
    assert [shedder.sheds() for _ in range(6)] == [True] * 6


def test_the_last_thread_takes_up_a_change_when_no_more_waits_than_may():
    shedder = LoadShedder(256, 4, lambda: 3)
    shedder.watch(lambda: 256)
    assert not shedder.sheds()
