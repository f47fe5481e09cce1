"""The backup folder while a process extends it: its lock, the growing segment, and the manifest last of all."""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import inventory
from inventory.backup.manifest import (
    PRIVATE,
    BackupDamaged,
    BackupError,
    BackupFile,
    BackupLayout,
    Manifest,
    NoManifest,
    file_hash,
    read_manifest,
    write_manifest,
)
from inventory.domain.state import LedgerIds
from inventory.domain.values import Instant
from inventory.resilience.disk import Disk, NamedFile, replace_file
from inventory.resilience.retry import RetryPolicy

_CHUNK = 1 << 20
_NOT_CONTENT = {".lock", "lost+found"}


class TargetInUse(BackupError):
    """Another process copies to the folder, or has just done so."""


def existing_manifest(root: Path) -> Manifest | None:
    """The manifest of a folder that may become or is a backup; ``None`` if it is empty or does not exist.

    :raises BackupError: the folder has something else in it, or a damaged manifest.
    """
    try:
        return read_manifest(root)
    except BackupDamaged as damage:
        raise BackupError(f"{damage}. Nothing was changed. Choose another folder") from damage
    except NoManifest:
        if not root.exists():
            if not root.parent.is_dir():
                raise BackupError(f"{root.parent} does not exist, or is not a folder") from None
            return None
        if not root.is_dir():
            raise BackupError(f"{root} is not a folder") from None
        # A temporary manifest is all that a process leaves if it is killed before its first one.
        if any(path.name not in _NOT_CONTENT and not path.name.endswith(".tmp") for path in root.iterdir()):
            raise BackupError(
                f"{root} is not empty, and has no manifest.json: it is not a backup. Choose an empty folder"
            ) from None
        return None


class GrowingSegment:
    """The newest segment of a backup. Its hash is kept running, so that its content is never read again."""

    def __init__(self, path: Path, first: int, chain_before: bytes | None, disk: Disk, creating: int = 0) -> None:
        """Open it. :param creating: ``O_CREAT`` to begin it."""
        self.path, self._first, self._chain_before, self._disk = path, first, chain_before, disk
        self._digest, self._size = file_hash(), 0
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | creating, PRIVATE)
        self._file = NamedFile(path, self._descriptor)

    def resume(self, file: BackupFile) -> None:
        """Continue after what the manifest names, and cut off what a pass left behind that was interrupted.

        :raises BackupDamaged: it is not what the manifest names.
        """
        while self._size < file.size and (data := os.pread(self._descriptor, self._left(file), self._size)):
            self._digest.update(data)
            self._size += len(data)
        if (self._size, self._digest.hexdigest()) != (file.size, file.blake2b):
            raise BackupDamaged(self.path, "does not match the manifest; run 'inventory verify' on the backup")
        self.cut()

    def _left(self, file: BackupFile) -> int:
        return min(_CHUNK, file.size - self._size)

    def cut(self) -> None:
        """Cut off whatever is after the content."""
        self._disk.truncate(self._descriptor, self._size)

    def append(self, data: bytes) -> None:
        """Append whole lines. Not durable yet."""
        self._disk.write(self._descriptor, data)
        self._digest.update(data)
        self._size += len(data)
        self._disk.reach("in-backup")

    def sync(self) -> None:
        """Make it durable. :raises OSError: it is not, or another file has its name."""
        if (lost := self._file.why_lost()) is not None:
            raise OSError(lost)
        self._disk.fdatasync(self._descriptor)

    def entry(self, last: int, chain: bytes) -> BackupFile:
        """The entry of the manifest. :param last: the last event in it, whose chain is ``chain``."""
        digest = self._digest.hexdigest()
        return BackupFile("segment", self._first, last, self._size, digest, self._chain_before, chain)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)


class Target:
    """A backup folder that this process alone extends, until ``close``.

    :ivar manifest: the current one. :ivar found: the one that was there before.
    """

    def __init__(self, root: Path, ids: LedgerIds, now: Callable[[], Instant], disk: Disk, retry: RetryPolicy) -> None:
        """Make the folder if needed, and lock it.

        :param ids: what is copied. :param now: the wall clock.
        :raises TargetInUse: another process extends it.
        """
        self._layout, self._ids, self._now = BackupLayout(root), ids, now
        self._disk, self._retry = disk, retry
        _make(root, disk)
        self._lock = os.open(self._layout.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        try:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise TargetInUse(f"another process is copying to {root}") from None
            self.found = existing_manifest(root)
            self.manifest = self.found or self._manifest((), None)
            if self.found is None:
                # Before anything else: without a manifest, a folder that is not empty is no backup.
                write_manifest(root, self.manifest, disk, retry)
            for folder in (root, self._layout.segments, self._layout.snapshots):
                _make(folder, disk)
                for left in folder.glob(".*.tmp"):
                    left.unlink()
            # A pass that was killed before it committed them.
            named = {self._layout.path(file) for file in self.manifest.files}
            for left in set(self._layout.snapshots.glob("central-*.jsonl")) - named:
                left.unlink()
        except BaseException:
            os.close(self._lock)
            raise

    def begin(self, first: int, chain_before: bytes | None) -> GrowingSegment:
        """Begin the segment of these events; what an interrupted pass left of it is discarded."""
        path = self._layout.segments / f"{first:020d}.jsonl"
        segment = GrowingSegment(path, first, chain_before, self._disk, os.O_CREAT)
        segment.cut()
        self._disk.sync_folder(self._layout.segments)
        return segment

    def resume(self, file: BackupFile) -> GrowingSegment:
        """Continue the newest segment. :raises BackupDamaged: it is not what the manifest says."""
        path = self._layout.path(file)
        try:
            segment = GrowingSegment(path, file.first, file.chain_before, self._disk)
        except FileNotFoundError as error:
            raise BackupDamaged(path, "is missing; run 'inventory verify' on the backup") from error
        try:
            segment.resume(file)
        except BaseException:
            segment.close()
            raise
        return segment

    def add(self, file: BackupFile, chunks: Iterable[bytes]) -> BackupFile:
        """Write a file as a whole, durably; return its entry, with its size and hash."""
        digest, size = file_hash(), 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                yield chunk
                self._disk.reach("in-backup")

        # Once: what goes on meanwhile must not go on after an error. The next pass tries again.
        replace_file(self._layout.path(file), counted, disk=self._disk, retry=RetryPolicy(times=1), mode=PRIVATE)
        return replace(file, size=size, blake2b=digest.hexdigest())

    def path(self, file: BackupFile) -> Path:
        """Where a file lies."""
        return self._layout.path(file)

    def _manifest(self, files: tuple[BackupFile, ...], last_at: Instant | None) -> Manifest:
        return Manifest(*self._ids, last_at, self._now(), inventory.__version__, files)

    def commit(self, files: tuple[BackupFile, ...], last_at: Instant | None) -> None:
        """Replace the manifest: from now on these files, which are durable, are the backup."""
        new = self._manifest(files, last_at)
        self._disk.reach("in-backup")
        write_manifest(self._layout.root, new, self._disk, self._retry)
        gone = {file.path for file in self.manifest.snapshots} - {file.path for file in files}
        self.manifest = new
        for path in gone:
            with suppress(FileNotFoundError):
                (self._layout.root / path).unlink()

    def close(self) -> None:
        """Release the folder."""
        os.close(self._lock)


def _make(folder: Path, disk: Disk) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=0o700)
        disk.sync_folder(folder.parent)
