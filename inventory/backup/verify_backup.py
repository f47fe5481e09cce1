"""``inventory verify BACKUP``: whether a backup is what its manifest says; and where a copy without a manifest ends."""

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from inventory.backup.manifest import BackupDamaged, BackupError, BackupLayout, Manifest, NoManifest, read_manifest
from inventory.backup.proof import Damage, Progress, prove, why_nothing
from inventory.backup.source import all_segments, beginning
from inventory.domain.values import format_instant
from inventory.eventlog.archive import unpacked_size
from inventory.eventlog.errors import LogDamaged, StateUnusable
from inventory.eventlog.layout import Layout
from inventory.eventlog.log_reader import LogReader
from inventory.eventlog.published_views import published_sequence
from inventory.eventlog.shared_header import Position, SharedHeader
from inventory.eventlog.torn_tail import require_tail

_TELL_EVERY = 1024


@dataclass(frozen=True, slots=True)
class BackupVerification:
    """What was found.

    :ivar manifest: ``None`` if there is none that could be read: then nothing proves where the log should end.
    :ivar last: the last event up to which all events are proven, or, without a manifest, are there.
    :ivar last_at: its time, as in the log; not known before the end of a backup.
    :ivar damage: the files that are not what the manifest says, and the events that are lost with each.
    :ivar problems: what is wrong, for people.
    """

    manifest: Manifest | None
    last: int
    last_at: str | None
    damage: list[Damage] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether it is proven that the backup is what was copied."""
        return self.manifest is not None and not self.problems

    def as_json(self) -> dict[str, Any]:
        """The result as the command shows it."""
        manifest = self.manifest
        return {
            "ok": self.ok,
            "hasManifest": manifest is not None,
            "ledgerId": manifest and manifest.ledger_id,
            "timelineId": manifest and manifest.timeline_id,
            "firstSequence": manifest and manifest.first,
            "lastSequence": manifest and manifest.last,
            "checkedSequence": self.last,
            "lastAt": self.last_at,
            "madeAt": manifest and format_instant(manifest.made_at),
            "damage": [
                {"file": str(damage.path), "reason": damage.reason, "lostEvents": damage.lost}
                | ({"firstLost": damage.first, "lastLost": damage.last} if damage.lost else {})
                for damage in self.damage
            ],
            "problems": self.problems,
            "notes": self.notes,
        }


def verify_backup(root: Path, progress: Progress = lambda _done, _all: None) -> BackupVerification:
    """Read every file of a backup and compare it with the manifest. Changes nothing.

    :raises BackupError: there is neither a backup nor a copy of a log, or a newer version made it.
    :raises OSError: a file cannot be read.
    """
    try:
        manifest = read_manifest(root)
    except NoManifest:
        return _copy_without_manifest(root, progress)
    except BackupDamaged as damage:
        found = _copy_without_manifest(root, progress)
        found.problems.insert(0, str(damage))
        return found
    proof = prove(root, manifest, progress)
    problems = [str(damage) for damage in proof.damage]
    if (nothing := why_nothing(root, manifest)) is not None:
        problems.append(nothing)
    if manifest.first > 1 and not [taken for taken in proof.snapshots if taken >= manifest.first - 1]:
        problems.append(
            f"{root} begins with event {manifest.first} and has no valid snapshot of the events before: without it, no"
            " stock can be restored"
        )
    last = proof.last
    at = None if manifest.last_at is None or last != manifest.last else format_instant(manifest.last_at)
    return BackupVerification(manifest, last, at, proof.damage, problems)


class _Copy(Layout):
    """A copy of a data folder, or the segments of a backup."""

    @property
    def events(self) -> Path:
        """See ``Layout.events``."""
        segments = BackupLayout(self.root).segments
        return segments if segments.is_dir() else self.root / "events"

    @property
    def archive(self) -> Path:
        """See ``Layout.archive``: a backup has both kinds of segments in one folder."""
        segments = BackupLayout(self.root).segments
        return segments if segments.is_dir() else self.root / "archive"


def _copy_without_manifest(root: Path, progress: Progress) -> BackupVerification:
    """Read the log in a folder as far as it can be read."""
    layout = _Copy(root)
    if not all_segments(layout):
        raise BackupError(f"{root} holds neither a backup nor an event log")
    problems, notes, last_line = list[str](), list[str](), b""
    with closing(LogReader(layout, beginning(layout))) as reader:
        try:
            for line in _lines(layout, reader):
                last_line = line
                if not reader.cursor.position.sequence % _TELL_EVERY:
                    progress(reader.cursor.position.segment, all_segments(layout)[-1])
        except LogDamaged as damage:
            try:
                _require_tail(layout, damage, reader.cursor.position)
            except LogDamaged as found:
                problems.append(str(found))
            else:
                notes.append(f"{damage.path} ends in an incomplete line: it was cut, or copied while it was written")
        last = reader.cursor.position.sequence
    witnessed = _witnessed(layout)
    if witnessed > last:
        problems.append(
            f"{root} has a snapshot, a view or a shared header of event {witnessed}, but its log ends at event {last}:"
            f" {witnessed - last} events are missing"
        )
    return BackupVerification(None, last, orjson.loads(last_line)["ts"] if last_line else None, [], problems, notes)


def _lines(layout: Layout, reader: LogReader) -> Iterator[bytes]:
    newest = all_segments(layout)[-1]
    path = layout.segment(newest)
    size = path.stat().st_size if path.exists() else unpacked_size(layout.archived(newest))
    lines = reader.read_to(Position(newest, size, 0))
    if reader.cursor.position.segment > 1:
        # The chain before the first line there is not known.
        with reader.unchecked():
            lines = chain([next(lines)], lines)
    for line, _ in lines:
        yield line


def _require_tail(layout: Layout, damage: LogDamaged, end: Position) -> None:
    """:raises LogDamaged: the damage is not just an incomplete line at the end of the log."""
    if damage.path != layout.segment(all_segments(layout)[-1]) or not damage.path.exists():
        raise damage
    require_tail(damage, end, 0)


def _witnessed(layout: Layout) -> int:
    """The highest sequence that another file of the folder is of."""
    found = [published_sequence(layout), *layout.snapshot_sequences()]
    with (
        suppress(StateUnusable, PermissionError),
        closing(SharedHeader(layout.shared_header, read_only=True)) as shared,
    ):
        if shared.is_made:
            found.append(shared.durable)
    return max(found)
