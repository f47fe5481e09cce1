"""Stand-ins for gunicorn's master and workers."""

import logging
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

from inventory.domain.state import State
from inventory.eventlog.reader import START
from inventory.eventlog.recovery import Recovery
from inventory.eventlog.restore import Restored

WHOLE = Recovery(START.position, None, Restored(State(), START, None))
"""What the start of a server finds that has no log yet."""


def master(address: Any = ("127.0.0.1", 0), **given: Any) -> SimpleNamespace:
    usual = {
        "cfg": SimpleNamespace(preload_app=False, address=[address]),
        "log": logging.getLogger("test.gunicorn"),
        "pidfile": Mock(),
        "LISTENERS": [],
        "WORKERS": {},
        "num_workers": 1,
    }
    return SimpleNamespace(**{**usual, **given})


def worker(**given: Any) -> SimpleNamespace:
    return SimpleNamespace(**{"log": logging.getLogger("test.gunicorn"), "core": None, **given})
