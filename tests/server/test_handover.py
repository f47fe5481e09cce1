"""What the master has made of the log reaches each of its workers, by real forks."""

import os

from support.gunicorn_stand_ins import WHOLE, master, worker

from inventory.server.hooks import Hooks
from inventory.wiring import PRELOADED_STATE


def test_each_worker_finds_what_the_start_has_read_and_the_master_keeps_it_no_longer(hooks: Hooks) -> None:
    server, found = master(), []
    server.cfg.workers = 2
    hooks.on_starting(server)
    for _ in range(2):
        hooks.pre_fork(server, worker())
        child = os.fork()
        if not child:
            os._exit(0 if PRELOADED_STATE.take() is WHOLE.folded else 1)
        found.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    assert (found, PRELOADED_STATE.take()) == ([0, 0], None)
