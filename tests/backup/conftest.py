"""A fresh data folder, and a place for its backup, for each test; and backups of a compacted log."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.backups import compacted, copied
from support.continuous_copy import Following
from support.folder import Folder
from support.logs import written

from inventory.eventlog.layout import Layout
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


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """What the backups were made from: an archive, segments, two snapshots. Not to be changed."""
    folder = Folder(tmp_path_factory.mktemp("source") / "data")
    compacted(folder)
    folder.close()
    return folder.layout


@pytest.fixture(scope="session")
def _backup(source: Layout) -> Path:
    copied(source, source.root.with_name("backup"))
    return source.root.with_name("backup")


@pytest.fixture
def backup(_backup: Path, tmp_path: Path) -> Path:
    """A backup of ``source``."""
    return Path(shutil.copytree(_backup, tmp_path / "backup"))
