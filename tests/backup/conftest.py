"""A fresh data folder, and a place for its backup, for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    folder = Folder(tmp_path / "data")
    yield folder
    folder.close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "backup"
