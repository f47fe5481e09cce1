"""run_parallel: how many run at once, the order of the results, and the handling of errors."""

import threading

import pytest
from support.parallel import run_parallel

PATIENCE = 30


def test_results_stand_in_the_order_of_the_tasks():
    assert run_parallel([lambda n=n: n for n in range(50)], at_once=8) == list(range(50))


def test_as_many_as_allowed_run_at_once():
    # No task gets through the barrier unless four wait at it.
    barrier = threading.Barrier(4)
    run_parallel([lambda: barrier.wait(PATIENCE)] * 8, at_once=4)


def test_never_more_than_allowed_run_at_once():
    running, most, guard = 0, 0, threading.Lock()

    def task() -> None:
        nonlocal running, most
        with guard:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.001)
        with guard:
            running -= 1

    run_parallel([task] * 40, at_once=3)
    assert most <= 3


def test_the_first_failed_task_is_raised_after_all_have_ended():
    ended = []

    def fail(error: Exception) -> None:
        raise error

    tasks = [lambda: fail(KeyError()), lambda: fail(ValueError()), *[lambda: ended.append(1)] * 5]
    with pytest.raises(KeyError):
        run_parallel(tasks, at_once=2)
    assert len(ended) == 5


def test_no_tasks_give_no_results():
    assert run_parallel([], at_once=4) == []
