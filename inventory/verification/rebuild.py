"""``inventory rebuild``: delete everything derived from the log and build it again."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from inventory.eventlog.data_folder import StartRefused, check_folder, server_presence
from inventory.eventlog.layout import Layout
from inventory.eventlog.log_check import Progress
from inventory.eventlog.recovery import Recovery


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """What was deleted, and up to which event everything was built again."""

    deleted: list[Path]
    as_of_sequence: int


def rebuild(
    layout: Layout,
    prepare: Callable[[Progress | None], Recovery],
    publish: Callable[[Recovery], int],
    progress: Progress | None = None,
) -> RebuildResult:
    """Delete the shared header, the published views and the snapshots, and build them again from the log.

    The log is first compared with all of them; it is the only copy of the events and is not changed. If it no longer
    reaches back to the beginning, the snapshots are the only copy of the missing part, and stay; they also stay if one
    is of an event that the log does not have.

    :param prepare: checks the folder like a start.
    :param publish: publishes the views of the state that ``prepare`` found; returns their sequence.
    :raises StartRefused: a server or command uses the folder, or the log is damaged. Nothing was deleted.
    :raises Unavailable: the views could not be published.
    """
    check_folder(layout.root)
    with server_presence(layout, alone=True):
        derived = [layout.store_view, layout.central_view, layout.shared_header]
        if layout.reaches_back():
            derived += _needless_snapshots(layout, prepare, progress)
        else:
            prepare(progress)
        deleted = [path for path in derived if path.exists()]
        for path in deleted:
            path.unlink()
        as_of_sequence = publish(prepare(None))
    return RebuildResult(deleted, as_of_sequence)


def _needless_snapshots(
    layout: Layout, prepare: Callable[[Progress | None], Recovery], progress: Progress | None
) -> list[Path]:
    """Check the whole log without its snapshots; only then are they not needed."""
    aside = layout.snapshots.with_suffix(".aside")
    # The snapshots that a killed rebuild had moved away.
    _put_back(aside, layout.snapshots)
    layout.snapshots.rename(aside)
    try:
        end = prepare(progress).end.sequence
    finally:
        _put_back(aside, layout.snapshots)
    newest = max(layout.snapshot_sequences(), default=0)
    if newest > end:
        raise StartRefused(
            f"{layout.snapshot(newest)} is of event {newest}, but the log ends at event {end}: the log lacks the events"
            " in between, and only the snapshots have their effect. Nothing was deleted."
        )
    return [layout.snapshot(sequence) for sequence in layout.snapshot_sequences()]


def _put_back(aside: Path, snapshots: Path) -> None:
    snapshots.mkdir(exist_ok=True)
    if aside.exists():
        for path in aside.iterdir():
            path.rename(snapshots / path.name)
        aside.rmdir()
