"""Leases of one process on a folder of its own."""

from pathlib import Path

import pytest
from unit.lease_world import Refusing, UpTime, store

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
