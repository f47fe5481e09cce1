"""``inventory restore``: copies what a plan needs into a new data folder, and begins a new timeline there."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from inventory.backup.manifest import BackupError, BackupFile, BackupLayout
from inventory.backup.proof import Progress, Undecompressable, proven_lines
from inventory.backup.restore_plan import Bars, RestorePlan, no_bars
from inventory.backup.restoring_folder import require_empty, restoring_folder
from inventory.domain.values import Instant, format_instant
from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.layout import Layout
from inventory.eventlog.log_reader import START, LogReader
from inventory.eventlog.shared_header import Position
from inventory.eventlog.snapshot import read_start
from inventory.eventlog.timeline import TimelineStart, timeline_start
from inventory.resilience.disk import Disk

_CHUNK = 1 << 20


class RestoredLedger(NamedTuple):
    """The result. :ivar sequence: the ``ledger.restored`` event, whose id is the timeline id."""

    ledger_id: str
    timeline_id: str
    sequence: int
    at: Instant


def restore(
    plan: RestorePlan, layout: Layout, now: Instant, node: str, disk: Disk | None = None, bars: Bars = no_bars
) -> RestoredLedger:
    """Make the data folder of a plan; its log ends with a new ``ledger.restored`` event.

    :raises BackupError: the folder is not empty, or the backup has changed; nothing was restored.
    :raises StartRefused: another process uses the folder, or no log can be kept there; nothing was restored.
    :raises OSError: likewise.
    """
    require_empty(layout)
    at = Instant(max(now, plan.last_at or now))
    disk = disk or Disk()
    with restoring_folder(layout, disk) as folder, bars("restoring") as progress:
        start = _Copy(plan, folder.built, disk, progress).build(at, node)
        folder.commit()
    event = start.event
    return RestoredLedger(plan.manifest.ledger_id or event.event_id, event.event_id, event.sequence, at)


class _Copy:
    """Copies what a plan needs into the folder that is built, and reads it back."""

    def __init__(self, plan: RestorePlan, built: Layout, disk: Disk, progress: Progress) -> None:
        self._plan, self._disk, self._built = plan, disk, built
        self._backup = BackupLayout(plan.backup)
        self._progress = progress
        self._segments = [file for file in plan.manifest.segments if file.first <= plan.sequence]
        self._snapshots = [file for file in plan.manifest.snapshots if file.last in plan.snapshots]
        self._done, self._total = 0, sum(file.size for file in (*self._segments, *self._snapshots))

    def build(self, at: Instant, node: str) -> TimelineStart:
        """Copy everything, add the first event of the new timeline, and read the result.

        :raises BackupError: the copy is not what was planned: the backup was changed meanwhile.
        """
        try:
            self._copy_segments()
            self._copy_snapshots()
            start = timeline_start(self._plan.sequence + 1, self._plan.chain, at, node=node, reason=self._reason())
            self._write(self._built.segment(start.event.sequence), [start.line], 0)
            self._read_back(start)
        except (FileNotFoundError, Undecompressable, LogDamaged) as error:
            raise BackupError(
                f"{self._plan.backup} was changed during the restore: {error}. Nothing was restored; repeat the"
                " command."
            ) from error
        return start

    def _copy_segments(self) -> None:
        """A start finds compressed segments in the archive, which no uncompressed one precedes."""
        damaged, may_stay_packed = {damage.path for damage in self._plan.damage}, True
        for file in self._segments:
            is_whole = file.last <= self._plan.sequence and self._backup.path(file) not in damaged
            may_stay_packed = may_stay_packed and file.packed and is_whole
            target = self._built.archived(file.first) if may_stay_packed else self._built.segment(file.first)
            is_copied = is_whole and file.packed == may_stay_packed
            self._write(target, self._bytes(file) if is_copied else self._lines(file), file.size)

    def _copy_snapshots(self) -> None:
        for file in self._snapshots:
            target = self._built.snapshot(file.last)
            try:
                self._write(target, self._bytes(file), file.size)
            except FileNotFoundError:
                if file == self._snapshots[0] and self._plan.manifest.first > 1:
                    raise
                # A copy that runs has just put a newer one in its place. The log has all that is in it.
                target.unlink()

    def _bytes(self, file: BackupFile) -> Iterator[bytes]:
        left = file.size
        with open(self._backup.path(file), "rb") as source:
            while left and (chunk := source.read(min(left, _CHUNK))):
                left -= len(chunk)
                yield chunk

    def _lines(self, file: BackupFile) -> Iterator[bytes]:
        """The lines up to the end of the plan, uncompressed."""
        some = bytearray()
        for line in proven_lines(self._backup.path(file), file, self._plan.sequence):
            some += line
            if len(some) >= _CHUNK:
                yield bytes(some)
                some.clear()
        yield bytes(some)

    def _write(self, target: Path, chunks: Iterable[bytes], size: int) -> None:
        with self._disk.create(target) as file:
            for chunk in chunks:
                self._disk.write(file.fileno(), chunk)
            self._disk.fsync(file.fileno())
        self._done += size
        self._progress(self._done, self._total)

    def _reason(self) -> str:
        made, at = format_instant(self._plan.manifest.made_at), self._plan.last_at
        moment = "an empty ledger" if at is None else f"up to event {self._plan.sequence} ({format_instant(at)})"
        return f"restored from the backup of {made}: {moment}"

    def _read_back(self, start: TimelineStart) -> None:
        """:raises LogDamaged: a line is not the one that was planned."""
        if self._plan.manifest.first == 1:
            begin = START
        else:
            begin = read_start(self._built.snapshot(self._plan.snapshots[0])).cursor
        end = Position(start.event.sequence, len(start.line), start.event.sequence)
        with closing(LogReader(self._built, begin)) as reader:
            for _ in reader.read_to(end):
                pass
