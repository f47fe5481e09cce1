"""Stand-ins for gunicorn's master and workers."""

import logging
import threading
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

from gunicorn.config import Config

from inventory.domain.state import State
from inventory.eventlog.log_reader import START
from inventory.eventlog.recovery import Recovery
from inventory.eventlog.snapshot import Restored
from inventory.resilience.bulkhead import ByteBudget
from inventory.resilience.counter import LocalCounter
from inventory.resilience.load_shedder import LoadShedder
from inventory.server.worker_class import OWN
from inventory.wiring.services import Serving

WHOLE = Recovery(START.position, None, 0, Restored(State(), START, None))
"""What the start of a server finds that has no log yet."""


def master(address: Any = ("127.0.0.1", 0), **given: Any) -> SimpleNamespace:
    usual = {
        "cfg": SimpleNamespace(preload_app=False, address=[address], workers=1, pidfile=None),
        "log": logging.getLogger("test.gunicorn"),
    }
    return SimpleNamespace(**{**usual, **given})


def worker(**given: Any) -> SimpleNamespace:
    """What the hooks ask of an ``InventoryWorker``."""
    usual = {
        "worker_class": OWN,
        "log": logging.getLogger("test.gunicorn"),
        "core": None,
        "slot": None,
        "cfg": Config(),
        "begin": Mock(),
        "join": Mock(),
    }
    return SimpleNamespace(**{**usual, **given})


def services(**given: Any) -> SimpleNamespace:
    """What the hooks ask of an application's services."""
    usual = {
        "serving": Serving(),
        "stopping": threading.Event(),
        "shedder": LoadShedder(1, 2, lambda: 0),
        "accepts_deferred": LocalCounter(),
        "connections_cut": LocalCounter(),
        "log_lines_left_out": LocalCounter(),
        "unsent": ByteBudget(1),
        "cut_answers": LocalCounter(),
    }
    return SimpleNamespace(**{**usual, **given})
