"""gunicorn's own queue, as the installed gunicorn has it."""

import threading
from types import SimpleNamespace

from gunicorn.config import Config
from gunicorn.workers.gthread import ThreadWorker

from inventory.worker.thread_queue import waiting_for_a_thread


def test_the_installed_gunicorn_shows_how_many_wait_for_a_thread() -> None:
    config = Config()
    config.set("threads", 2)
    config.set("worker_tmp_dir", None)
    worker = ThreadWorker(1, 0, [], SimpleNamespace(), 30, config, SimpleNamespace())
    worker.tpool = worker.get_thread_pool()
    waiting = waiting_for_a_thread(worker)
    assert waiting is not None
    go_on, begun = threading.Event(), threading.Semaphore(0)

    def work() -> None:
        begun.release()
        go_on.wait(30)

    try:
        for _ in range(5):
            worker.tpool.submit(work)
        for _ in range(2):
            assert begun.acquire(timeout=30)
        assert waiting() == 3
    finally:
        go_on.set()
        worker.tpool.shutdown()
        worker.tmp.close()


def test_where_there_is_no_such_queue_nothing_is_said() -> None:
    assert waiting_for_a_thread(SimpleNamespace()) is None
    assert waiting_for_a_thread(SimpleNamespace(tpool=SimpleNamespace(_work_queue=[]))) is None
