"""A fresh data folder for each test."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.folder import Folder
from support.logs import broken_history

MEMORY = Path("/dev/shm")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    folder = Folder(tmp_path / "data")
    yield folder
    folder.close()


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Folder]:
    """In memory where that can be had: for tests that write the same small files thousands of times."""
    in_memory = MEMORY if os.access(MEMORY, os.W_OK) else tmp_path
    with tempfile.TemporaryDirectory(dir=in_memory) as root:
        folder = Folder(Path(root))
        yield folder
        folder.close()


@pytest.fixture
def broken(folder: Folder) -> Folder:
    """A folder that is prepared, with a log that has a break."""
    folder.prepare()
    folder.layout.segment(1).write_bytes(b"".join(broken_history()))
    folder.prepare()
    return folder
