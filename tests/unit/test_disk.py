"""replace_file and read_file over a disk that fails on demand."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from inventory.resilience.disk import Disk, read_file, replace_file
from inventory.resilience.retry import RetryPolicy

STEPS = ("create", "write", "fsync", "rename", "sync_folder")
BEFORE_RENAME = STEPS[:4]


class FailingDisk(Disk):
    """Notes every call; the first ``times`` calls of ``step`` fail with EIO, a write after its first half."""

    def __init__(self, step: str = "", times: int = 0) -> None:
        self.step = step
        self.left = times
        self.calls: list[str] = []

    def _meet(self, step: str) -> None:
        self.calls.append(step)
        if step == self.step and self.left > 0:
            self.left -= 1
            raise OSError(errno.EIO, "injected")

    def create(self, path: Path, mode: int = 0o666) -> BinaryIO:
        self._meet("create")
        return super().create(path, mode)

    def read(self, path: Path) -> bytes:
        self._meet("read")
        return super().read(path)

    def write(self, descriptor: int, data: bytes) -> None:
        super().write(descriptor, data[: len(data) // 2])
        self._meet("write")
        super().write(descriptor, data[len(data) // 2 :])

    def fsync(self, descriptor: int) -> None:
        self._meet("fsync")
        super().fsync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        self._meet("rename")
        super().rename(source, target)

    def sync_folder(self, folder: Path) -> None:
        self._meet("sync_folder")
        super().sync_folder(folder)


RETRY = RetryPolicy(times=3, sleep=lambda _: None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "view.json"
    path.write_bytes(b"old")
    return path


def replace(path: Path, disk: Disk, content: Callable[[], list[bytes]] = lambda: [b"new", b"er"]) -> None:
    replace_file(path, content, disk=disk, retry=RETRY)


def test_the_new_content_takes_the_place_of_the_old(path: Path):
    replace(path, Disk())
    assert path.read_bytes() == b"newer"


def test_a_file_that_was_not_there_is_made(tmp_path: Path):
    replace(tmp_path / "first.json", Disk())
    assert (tmp_path / "first.json").read_bytes() == b"newer"


def test_content_is_synced_before_it_gets_its_name_and_the_folder_after(path: Path):
    disk = FailingDisk()
    replace(path, disk)
    assert disk.calls == ["create", "write", "write", "fsync", "rename", "sync_folder"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("times", [1, 2])
def test_errors_that_pass_end_in_success(path: Path, step: str, times: int):
    replace(path, FailingDisk(step, times))
    assert path.read_bytes() == b"newer"


@pytest.mark.parametrize("step", STEPS)
def test_errors_that_stay_are_raised(path: Path, step: str):
    with pytest.raises(OSError, match="injected"):
        replace(path, FailingDisk(step, 3))


@pytest.mark.parametrize("step", BEFORE_RENAME)
def test_errors_that_stay_leave_the_old_file_unharmed(path: Path, step: str):
    with pytest.raises(OSError, match="injected"):
        replace(path, FailingDisk(step, 3))
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("times", [1, 3])
def test_no_temporary_file_is_left(path: Path, step: str, times: int):
    try:
        replace(path, FailingDisk(step, times))
    except OSError:
        assert times == 3
    assert [entry.name for entry in path.parent.iterdir()] == ["view.json"]


def test_each_try_asks_for_the_content_again(path: Path):
    contents = [[b"first"], [b"second"]]
    replace(path, FailingDisk("fsync", 1), lambda: contents.pop(0))
    assert path.read_bytes() == b"second"


def test_an_error_in_making_the_content_leaves_the_old_file_and_nothing_else(path: Path):
    def content() -> list[bytes]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        replace(path, Disk(), content)
    assert [(entry.name, entry.read_bytes()) for entry in path.parent.iterdir()] == [("view.json", b"old")]


def test_a_read_survives_errors_that_pass(path: Path):
    assert read_file(path, disk=FailingDisk("read", 2), retry=RETRY) == b"old"


def test_a_read_raises_errors_that_stay(path: Path):
    with pytest.raises(OSError, match="injected"):
        read_file(path, disk=FailingDisk("read", 3), retry=RETRY)


def test_a_file_that_is_not_there_is_not_looked_for_again(tmp_path: Path):
    disk = FailingDisk()
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "none", disk=disk, retry=RETRY)
    assert disk.calls == ["read"]
