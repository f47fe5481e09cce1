"""The threads of a worker, and how they end."""

import logging
import threading
from collections.abc import Iterator

import pytest
from support.waiting import until

from inventory.server.thread_pool import ThreadPool

PATIENCE = 20
MOST = 3


class Work:
    """Begins when a thread takes it up, and is done when it is let go."""

    def __init__(self) -> None:
        self.begun, self._may_end = threading.Semaphore(0), threading.Event()
        self.done: list[int] = []

    def __call__(self, number: int) -> None:
        self.begun.release()
        assert self._may_end.wait(PATIENCE)
        self.done.append(number)

    def begins(self, times: int) -> bool:
        return all(self.begun.acquire(timeout=PATIENCE) for _ in range(times))

    def let_go(self) -> None:
        self._may_end.set()


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    made = ThreadPool(MOST)
    yield made
    made.shutdown()


@pytest.fixture
def work(pool: ThreadPool) -> Iterator[Work]:
    made = Work()
    yield made
    made.let_go()


def test_it_does_as_much_at_once_as_it_has_threads_and_tells_how_much_waits(pool: ThreadPool, work: Work) -> None:
    for number in range(MOST + 2):
        pool.submit(work, number)
    assert work.begins(MOST)
    assert pool.waiting() == 2
    assert not work.begun.acquire(blocking=False)

    work.let_go()

    assert work.begins(2)
    assert pool.waiting() == 0


def test_a_thread_is_started_only_where_there_is_work(pool: ThreadPool, work: Work) -> None:
    before = threading.active_count()
    assert ThreadPool(MOST).waiting() == 0
    assert threading.active_count() == before
    pool.submit(work, 0)
    assert work.begins(1)
    assert threading.active_count() == before + 1


def test_an_error_is_logged_and_costs_no_thread(pool: ThreadPool, caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Event()

    def fail(error: BaseException) -> None:
        raise error

    with caplog.at_level(logging.ERROR):
        for error in [ValueError("wrong"), SystemExit(3)] * MOST:
            pool.submit(fail, error)
        pool.submit(done.set)
        pool.shutdown()
    assert done.is_set()
    assert [type(record.exc_info[1]) for record in caplog.records if record.exc_info].count(SystemExit) == MOST


def test_what_was_submitted_is_done_before_it_ends(pool: ThreadPool, work: Work) -> None:
    for number in range(2 * MOST):
        pool.submit(work, number)
    pool.shutdown(wait=False)
    work.let_go()
    pool.shutdown(wait=True)
    assert sorted(work.done) == list(range(2 * MOST))


def test_all_of_its_threads_end(pool: ThreadPool, work: Work) -> None:
    before = threading.active_count()
    for number in range(MOST):
        pool.submit(work, number)
    assert work.begins(MOST)
    pool.shutdown(wait=False)
    pool.shutdown(wait=False)
    work.let_go()
    until("its threads have ended", lambda: threading.active_count() == before)


def test_after_its_end_it_takes_nothing(pool: ThreadPool) -> None:
    pool.shutdown()
    with pytest.raises(RuntimeError, match="ended"):
        pool.submit(print)


def test_where_the_system_gives_no_further_thread_those_there_are_do_it(
    pool: ThreadPool, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool.submit(work, 0)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", _refuse)
        pool.submit(work, 1)
        with pytest.raises(RuntimeError, match="no thread"):
            ThreadPool(MOST).submit(work, 2)
    work.let_go()
    assert work.begins(2)


def _refuse(_: threading.Thread) -> None:
    raise RuntimeError("no thread")


def test_a_signal_may_end_it_while_work_is_being_submitted(
    pool: ThreadPool, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = threading.active_count()
    start = threading.Thread.start

    def start_and_be_told(thread: threading.Thread) -> None:
        start(thread)
        pool.shutdown(wait=False)
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start_and_be_told)
        with pytest.raises(SystemExit):
            pool.submit(work, 0)
    until("the thread has ended", lambda: threading.active_count() == before)


def test_an_idle_thread_keeps_nothing_of_what_it_did(pool: ThreadPool) -> None:
    gone = threading.Event()

    class Kept:
        def __del__(self) -> None:
            gone.set()

    pool.submit(lambda _: None, Kept())
    assert gone.wait(PATIENCE)
