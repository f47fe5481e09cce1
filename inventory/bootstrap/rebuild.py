"""``inventory rebuild``: what is derived is deleted and made again from the log."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from inventory.bootstrap.build import build_services, layout_of
from inventory.bootstrap.prepare import Progress, StartRefused, check_folder, prepare
from inventory.eventlog.layout import Layout
from inventory.settings import Settings


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """What was deleted, and up to which event everything was made again."""

    deleted: list[Path]
    as_of_sequence: int


def rebuild(settings: Settings, *, progress: Progress | None = None) -> RebuildResult:
    """Delete the marks, the published views and the snapshots, and make them again from the log.

    The log is checked first, against all of them; it is the only copy of what happened and is not touched.
    Where it no longer reaches back to the beginning, the snapshots are the only copy too, and stay; so they do where
    one is of an event that the log does not have.

    :raises StartRefused: a server or command uses the folder, or the log is damaged. Nothing was deleted.
    :raises Unavailable: the views could not be published.
    """
    layout = layout_of(settings)
    check_folder(layout.root)
    with server_presence(settings, alone=True):
        derived = [layout.store_view, layout.central_view, layout.shared_state]
        if layout.reaches_back():
            derived += _needless_snapshots(settings, layout, progress)
        else:
            prepare(settings, progress=progress)
        deleted = [path for path in derived if path.exists()]
        for path in deleted:
            path.unlink()
        services = build_services(settings, folded=prepare(settings).folded)
        try:
            result = services.sync.sync_once()
        finally:
            services.close()
    return RebuildResult(deleted, result.as_of_sequence)


def _needless_snapshots(settings: Settings, layout: Layout, progress: Progress | None) -> list[Path]:
    """Check the whole log without its snapshots; only then can they be done without."""
    aside = layout.snapshots.with_suffix(".aside")
    # Those of a rebuild that was killed.
    _put_back(aside, layout.snapshots)
    layout.snapshots.rename(aside)
    try:
        end = prepare(settings, progress=progress).end.sequence
    finally:
        _put_back(aside, layout.snapshots)
    newest = max(layout.snapshot_sequences(), default=0)
    if newest > end:
        raise StartRefused(
            f"{layout.snapshot(newest)} goes up to event {newest}, the log to {end}: the events between are missing"
            " from the log, and only the snapshots hold their effect. Nothing was deleted."
        )
    return [layout.snapshot(sequence) for sequence in layout.snapshot_sequences()]


def _put_back(aside: Path, snapshots: Path) -> None:
    snapshots.mkdir(exist_ok=True)
    if aside.exists():
        for path in aside.iterdir():
            path.rename(snapshots / path.name)
        aside.rmdir()


@contextmanager
def server_presence(settings: Settings, *, alone: bool = False) -> Iterator[None]:
    """Be counted among the processes that use DATA_DIR inside the ``with`` block, or be the only one.

    The claim is a ``flock``: workers forked inside the block hold it too, and it ends with the last of them.

    :raises StartRefused: another process uses the folder (``alone``), or wants it alone.
    """
    layout = layout_of(settings)
    check_folder(layout.root)
    layout.make_folders()
    descriptor = os.open(layout.server_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        who = "a server or another command uses it; stop it first" if alone else "it is being rebuilt"
        raise StartRefused(f"{layout.root}: {who}.") from None
    try:
        yield
    finally:
        os.close(descriptor)
