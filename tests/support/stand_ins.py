"""Each stand-in of the benchmark behind a Flask test client, on what it needs, or skipped with the reason."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import pytest
from bench.stand_ins.entries import STAND_INS, StandIn
from flask import Flask

RECORD = "/stores/store-1/inventory/sku-1"
ADJUST = f"{RECORD}/adjust"
THREADS = 8


@contextmanager
def served(stand_in: StandIn, folder: Path) -> Iterator[list[Flask]]:
    """Two apps on the same stock, as two workers have."""
    with stand_in.backing(folder) as backing:
        settings = {**backing.environment, "THREADS": str(THREADS), "WEB_CONCURRENCY": "2"}
        with patch.dict("os.environ", settings):
            yield [import_module(stand_in.app).create() for _ in range(2)]


def named(name: str) -> StandIn:
    """The stand-in of that name; a test of one that cannot run here is skipped."""
    stand_in = next(stand_in for stand_in in STAND_INS if stand_in.name == name)
    missing = stand_in.missing()
    if missing is not None:
        pytest.skip(f"{name}: {missing}")
    return stand_in
