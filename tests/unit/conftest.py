"""Leases of one process on a folder of its own, a history in memory, and dead letters of a ledger in memory."""

from pathlib import Path

import pytest
from support.dead_letters import BrokenLedger, BrokenWorld
from support.leases import Refusing, UpTime, store
from support.partial_history import Ledger, Time, World

from inventory.resilience.lease import LeaseStore


@pytest.fixture
def up() -> UpTime:
    return UpTime()


@pytest.fixture
def disk() -> Refusing:
    return Refusing()


@pytest.fixture
def leases(tmp_path: Path, up: UpTime, disk: Refusing) -> LeaseStore:
    return store(tmp_path, up, disk=disk)


@pytest.fixture
def past() -> World:
    """A history of ten events, whose beginning may be gone."""
    return World()


@pytest.fixture
def ten(past: World) -> Ledger:
    return past.ledger


@pytest.fixture
def time(past: World) -> Time:
    return past.time


@pytest.fixture
def world() -> BrokenWorld:
    return BrokenWorld(BrokenLedger())
