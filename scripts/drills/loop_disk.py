"""A disk of one file: ext4 in an image behind a loop device, of which a copy can be taken as a power cut leaves it.

What a power cut leaves is what the file system has handed to its device; what lies in the kernel's memory as dirty
pages of the data folder is gone. The loop device writes what it is handed to the image, by the page cache of the file
system that has the image, and a read of the image goes by the same cache: it shows exactly that. What the mounted file
system has in memory are other pages, of other files. Reading /dev/loopN would go by a third cache, the device's own.

A copy takes some milliseconds, and the kernel may write on its own meanwhile. So a copy counts only if the device had
nothing in flight before and behind it, and has completed as many writes behind it as before: then it is the state of
one moment. A sync that is under way is awaited by that, as it is by the processes, which stop when they leave the
kernel; its change was not confirmed. Not modelled is a disk that loses what it was handed and was not told to flush.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PROGRAMS = ("losetup", "mkfs.ext4", "mount", "umount", "unshare")
_COPIES = 200
_TRIED_MIB = 8
_PAUSE_SECONDS = 0.01
_UNMOUNT_SECONDS = 20.0
_CHUNK = 1 << 20


class DiskBroken(Exception):
    """The image cannot be made, mounted, copied or unmounted."""


def why_not() -> str | None:
    """Why no such disk can be had here; ``None`` if it can, which is tried: containers may refuse what root may do."""
    if os.geteuid() != 0:
        return "only root may mount"
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"{', '.join(missing)} is not installed"
    with tempfile.TemporaryDirectory(prefix="loop-disk-") as folder:
        image = Path(folder) / "image"
        try:
            make_image(image, _TRIED_MIB)
            with mounted(image, Path(folder) / "mounted"):
                _run("unshare", "--mount", "true")
        except DiskBroken as error:
            return str(error)
    return None


def make_image(image: Path, mebibytes: int) -> None:
    """Make an empty ext4. :raises DiskBroken: it cannot be."""
    with image.open("wb") as file:
        file.truncate(mebibytes << 20)
    # With the defaults of everybody: a journal, data=ordered. Tables made now are not made while the drill runs.
    _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))


class LoopDisk:
    """An image that is mounted at ``folder``."""

    def __init__(self, image: Path, device: str, folder: Path) -> None:
        self.image = image
        self.folder = folder
        self._stat = Path("/sys/block") / Path(device).name / "stat"

    def copy_as_cut(self, target: Path) -> int:
        """Copy the image as it is at one moment, without any sync; returns how many copies that took.

        :raises DiskBroken: the device did not come to rest.
        """
        for attempt in range(1, _COPIES + 1):
            before, in_flight = self._writes()
            if not in_flight:
                _copy_sparse(self.image, target)
                if self._writes() == (before, 0):
                    return attempt
            time.sleep(_PAUSE_SECONDS)
        raise DiskBroken(f"the disk did not come to rest in {_COPIES} attempts to copy it")

    def _writes(self) -> tuple[int, int]:
        """Writes, discards and flushes that are complete, and requests in flight (Documentation/block/stat.rst)."""
        fields = [int(field) for field in self._stat.read_text().split()]
        return fields[4] + sum(fields[11:12]) + sum(fields[15:16]), fields[8]


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[LoopDisk]:
    """Mount an image for the ``with`` block, which replays its journal.

    :raises DiskBroken: it cannot be mounted; or not unmounted, since it is still in use.
    """
    folder.mkdir(exist_ok=True)
    device = _run("losetup", "--find", "--show", "--nooverlap", str(image)).strip()
    try:
        _run("mount", "-t", "ext4", device, str(folder))
        try:
            yield LoopDisk(image, device, folder)
        finally:
            _unmount(folder)
    finally:
        _run("losetup", "--detach", device)
        _wait_until_detached(device, image)


def synced(folder: Path) -> None:
    """Have everything that the file system of ``folder`` keeps in memory on its device."""
    _run("sync", "--file-system", str(folder))


def _unmount(folder: Path) -> None:
    end = time.monotonic() + _UNMOUNT_SECONDS
    while True:
        try:
            _run("umount", str(folder))
        except DiskBroken:
            # A process that was killed may not have closed its files yet.
            if time.monotonic() > end:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _wait_until_detached(device: str, image: Path) -> None:
    """Return when the file system is gone, in every mount namespace that had it, and has written its last.

    Mounted again before that, the image would be written to by two file systems.
    """
    end = time.monotonic() + _UNMOUNT_SECONDS
    while _backing_file(device) == str(image.resolve()):
        if time.monotonic() > end:
            raise DiskBroken(f"{image} is unmounted, and a process in another mount namespace still uses it")
        time.sleep(_PAUSE_SECONDS)


def _backing_file(device: str) -> str | None:
    try:
        return (Path("/sys/block") / Path(device).name / "loop/backing_file").read_text().rstrip("\n")
    except FileNotFoundError:
        return None


def _copy_sparse(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("wb") as write:
        size, end = os.fstat(read.fileno()).st_size, 0
        write.truncate(size)
        while True:
            try:
                begin = os.lseek(read.fileno(), end, os.SEEK_DATA)
            except OSError:
                return  # ENXIO: nothing but holes from here on
            end = os.lseek(read.fileno(), begin, os.SEEK_HOLE)
            for offset in range(begin, end, _CHUNK):
                piece = os.pread(read.fileno(), min(_CHUNK, end - offset), offset)
                os.pwrite(write.fileno(), piece, offset)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DiskBroken(f"{' '.join(command)}: {done.stderr.strip() or f'status {done.returncode}'}")
    return done.stdout
