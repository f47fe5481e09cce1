"""The service's own gunicorn settings, and one more hook: a worker reports that it is about to accept."""

import os
from pathlib import Path
from typing import Any

from inventory.server import gunicorn_conf as shipped

globals().update({name: value for name, value in vars(shipped).items() if not name.startswith("_")})

if "BENCH_LEFT_OUT" in os.environ:
    from bench import left_out

    left_out.leave_out(os.environ[left_out.VARIABLE])

READY_FOLDER = "BENCH_READY_FOLDER"


def post_worker_init(worker: Any) -> None:
    """Do what the service does, if this is the service, then leave a file that is named after the process."""
    if "inventory" in worker.wsgi.extensions:
        vars(shipped)["post_worker_init"](worker)
    (Path(os.environ[READY_FOLDER]) / str(worker.pid)).touch()
