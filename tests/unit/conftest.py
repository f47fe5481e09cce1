"""Leases of one process on a folder of its own, and dead letters of a ledger in memory."""

from pathlib import Path

import pytest
from support.dead_letters import BrokenLedger
from support.leases import Refusing, UpTime, store
from support.letters_in_memory import World

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
def world() -> World:
    return World(BrokenLedger())
