"""A fresh data folder, and a place for its backup, for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.continuous_copy import Following
from support.folder import Folder
from support.logs import written

from inventory.eventlog.ledger import FileLedger


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    folder = Folder(tmp_path / "data")
    yield folder
    folder.close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "backup"


@pytest.fixture
def ledger(folder: Folder) -> FileLedger:
    """A log of 60 events in several segments."""
    return written(folder)


@pytest.fixture
def following(folder: Folder, ledger: FileLedger, tmp_path: Path) -> Iterator[Following]:
    """A follower that has made its first pass."""
    made = Following(folder, tmp_path / "target")
    assert made.passes()
    yield made
    made.copying.close()
