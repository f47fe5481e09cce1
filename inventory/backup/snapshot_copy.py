"""Copies the snapshots that a backup needs: the newest, and an older one if the log no longer begins at event 1."""

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from inventory.backup.manifest import BackupError, BackupFile
from inventory.backup.target import Target
from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import GENESIS
from inventory.eventlog.log_reader import LogReader
from inventory.eventlog.snapshot import NotASnapshot, check_image, read_start

_AT_ONCE = 1 << 20


def copy_snapshots(source: Layout, target: Target) -> None:
    """Bring the snapshots of a backup up to date. The log is committed up to ``target.manifest.last``.

    A snapshot that is damaged, or was not made from this log, is passed over. Every snapshot is durable in the source.

    :raises BackupError: the log no longer begins at event 1, and no snapshot has the effect of the events before.
    :raises OSError: one cannot be copied; the snapshots of before are still there.
    """
    manifest, kept = target.manifest, [*target.manifest.snapshots]
    needs_base = manifest.first > 1
    there = [taken for taken in source.snapshot_sequences() if taken <= manifest.last]
    if needs_base and not kept:
        # The oldest one: a restore to a moment needs one from before.
        kept += _first_valid(source, target, (taken for taken in there if taken >= manifest.first - 1))
        if not kept:
            raise BackupError(
                f"the log in {source.root} begins at event {manifest.first}, and no valid snapshot has the effect of"
                " the events before, so this log cannot be used. See docs/how-to/damaged-log.md"
            )
    newest = max((file.last for file in kept), default=0)
    kept += _first_valid(source, target, (taken for taken in reversed(there) if taken > newest))
    kept = [kept[0], kept[-1]] if needs_base and len(kept) > 1 else kept[-1:]
    if kept != manifest.snapshots:
        target.commit((*manifest.segments, *kept), manifest.last_at)


def _first_valid(source: Layout, target: Target, sequences: Iterator[int]) -> list[BackupFile]:
    for sequence in sequences:
        # It may be deleted meanwhile, after newer ones were taken.
        with suppress(NotASnapshot, FileNotFoundError, LogDamaged):
            return [_copied(source, target, source.snapshot(sequence))]
    return []


def _copied(source: Layout, target: Target, path: Path) -> BackupFile:
    cursor = read_start(path).cursor
    with closing(LogReader(source, cursor)) as log:
        if not log.is_in_place():
            raise NotASnapshot("it was not made from this log")
    file = BackupFile("snapshot", 1, cursor.position.sequence, 0, "", GENESIS, cursor.chain)
    with open(path, "rb") as opened:

        def chunks() -> Iterator[bytes]:
            opened.seek(0)
            while data := opened.read(_AT_ONCE):
                yield data

        file = target.add(file, chunks)
    try:
        check_image(target.path(file), lambda: None)
    except NotASnapshot:
        target.path(file).unlink()
        raise
    return file
