"""Copies the snapshots that a backup needs: the newest, and an older one if the log no longer begins at event 1."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias

from inventory.backup.manifest import BackupError, BackupFile
from inventory.backup.target import Target
from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import GENESIS
from inventory.eventlog.log_reader import LogReader
from inventory.eventlog.snapshot import NotASnapshot, check_image, read_start

_AT_ONCE = 1 << 20
Identity: TypeAlias = tuple[int, int, int]
"""The inode, the modification time and the size of a snapshot: inodes are used again."""


def copy_snapshots(source: Layout, target: Target, invalid: set[Identity], meanwhile: Callable[[], None]) -> None:
    """Bring the snapshots of a backup up to date. The log is committed up to ``target.manifest.last``.

    A snapshot that is damaged, or was not made from this log, is passed over.

    :param invalid: gets the damaged ones, so that the next pass does not copy a large file again in vain.
    :param meanwhile: called now and then: a large snapshot takes seconds, and the log must not wait for it.
    :raises BackupError: the log no longer begins at event 1, and no snapshot has the effect of the events before.
    :raises OSError: one cannot be copied; the snapshots of before are still there.
    """
    manifest, kept = target.manifest, [*target.manifest.snapshots]
    copy = _Copying(source, target, invalid, meanwhile)
    needs_base = manifest.first > 1
    there = [taken for taken in source.snapshot_sequences() if taken <= manifest.last]
    if needs_base and not kept:
        # The oldest one: a restore to a moment needs one from before.
        kept += copy.first_valid(taken for taken in there if taken >= manifest.first - 1)
        if not kept:
            raise BackupError(
                f"the log in {source.root} begins at event {manifest.first}, and no valid snapshot has the effect of"
                " the events before, so this log cannot be used. See docs/how-to/damaged-log.md"
            )
    newest = max((file.last for file in kept), default=0)
    kept += copy.first_valid(taken for taken in reversed(there) if taken > newest)
    kept = [kept[0], kept[-1]] if needs_base and len(kept) > 1 else kept[-1:]
    if kept != manifest.snapshots:
        # With the segments of now: more may have been committed meanwhile.
        target.commit((*target.manifest.segments, *kept), target.manifest.last_at)


class _Copying:
    """Copies single snapshots."""

    def __init__(self, source: Layout, target: Target, invalid: set[Identity], meanwhile: Callable[[], None]) -> None:
        self._source, self._target, self._invalid, self._meanwhile = source, target, invalid, meanwhile

    def first_valid(self, sequences: Iterable[int]) -> list[BackupFile]:
        """Copy the first one that is valid; return its entry, if there is one."""
        for sequence in sequences:
            with suppress(NotASnapshot):
                return [self._copied(self._source.snapshot(sequence))]
        return []

    def _copied(self, path: Path) -> BackupFile:
        try:
            cursor, content = read_start(path).cursor, open(path, "rb")  # noqa: SIM115 - closed below
        except FileNotFoundError as error:
            raise NotASnapshot("it was deleted meanwhile, after a newer one was taken") from error
        found = os.fstat(content.fileno())
        identity = found.st_ino, found.st_mtime_ns, found.st_size
        with content, closing(LogReader(self._source, cursor)) as log:
            if identity in self._invalid:
                raise NotASnapshot("an earlier pass found it damaged")
            if not _is_in_place(log):
                raise NotASnapshot("it was not made from this log")
            file = BackupFile("snapshot", 1, cursor.position.sequence, 0, "", GENESIS, cursor.chain)
            file = self._target.add(file, self._chunks(content))
        try:
            check_image(self._target.path(file), self._meanwhile)
        except NotASnapshot:
            self._target.path(file).unlink()
            self._invalid.add(identity)
            raise
        return file

    def _chunks(self, content: BinaryIO) -> Iterator[bytes]:
        while data := content.read(_AT_ONCE):
            yield data
            self._meanwhile()


def _is_in_place(log: LogReader) -> bool:
    try:
        return log.is_in_place()
    except LogDamaged:
        return False
