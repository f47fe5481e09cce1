"""Where everything is inside DATA_DIR."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

_SEGMENT = re.compile(r"([0-9]{20})\.jsonl", re.ASCII)
_ARCHIVED = re.compile(r"([0-9]{20})\.jsonl\.gz", re.ASCII)
_SNAPSHOT = re.compile(r"central-([0-9]{20})\.jsonl", re.ASCII)


@dataclass(frozen=True, slots=True)
class Layout:
    """The files and folders of one DATA_DIR."""

    root: Path

    @property
    def events(self) -> Path:
        """The folder of the log's segments."""
        return self.root / "events"

    @property
    def archive(self) -> Path:
        """The folder of the segments that snapshots have made needless for a start, compressed."""
        return self.root / "archive"

    @property
    def snapshots(self) -> Path:
        """The folder of the snapshots."""
        return self.root / "snapshots"

    @property
    def locks(self) -> Path:
        """The folder of what is shared between running processes."""
        return self.root / "locks"

    @property
    def append_lock(self) -> Path:
        """Whoever holds this file's flock may write to the log."""
        return self.locks / "append"

    @property
    def publish_lock(self) -> Path:
        """Whoever holds this file's lock may publish the views."""
        return self.locks / "publish"

    @property
    def maintenance_lock(self) -> Path:
        """Whoever holds this file's lock may take snapshots and compact."""
        return self.locks / "upkeep"

    @property
    def dead_letters_lock(self) -> Path:
        """Whoever holds this file's lock may note and settle dead letters."""
        return self.locks / "dead-letters"

    @property
    def import_lock(self) -> Path:
        """Whoever holds this file's lock may import stock."""
        return self.locks / "import"

    @property
    def audit_lock(self) -> Path:
        """Whoever holds this file's lock may have the log folded anew beside a live state."""
        return self.locks / "audit"

    @property
    def imports(self) -> Path:
        """The folder of notes on how far files of stock were imported."""
        return self.root / "imports"

    @property
    def server_lock(self) -> Path:
        """Shared by every server on this folder; ``inventory rebuild`` wants it alone."""
        return self.locks / "server"

    @property
    def shared_header(self) -> Path:
        """The marks that all processes on this folder map."""
        return self.locks / "state"

    @property
    def dead_letters(self) -> Path:
        """What could not be applied."""
        return self.root / "dead-letter.jsonl"

    @property
    def store_view(self) -> Path:
        """Published: records by store."""
        return self.root / "store-inventory.json"

    @property
    def central_view(self) -> Path:
        """Published: the central view."""
        return self.root / "central-inventory.json"

    def segment(self, first_sequence: int) -> Path:
        """The segment that begins with this sequence."""
        return self.events / f"{first_sequence:020d}.jsonl"

    def has_segment(self, first_sequence: int) -> bool:
        """Whether that segment is there. Asked before each batch, so without making a ``Path``."""
        return os.path.exists(f"{self.root}/events/{first_sequence:020d}.jsonl")

    def archived(self, first_sequence: int) -> Path:
        """The same segment after compaction, compressed."""
        return self.archive / f"{first_sequence:020d}.jsonl.gz"

    def snapshot(self, sequence: int) -> Path:
        """The snapshot of everything up to this sequence."""
        return self.snapshots / f"central-{sequence:020d}.jsonl"

    def segments(self) -> list[int]:
        """The first sequences of the segments that are there, ascending."""
        return _numbers(self.events, _SEGMENT)

    def archived_segments(self) -> list[int]:
        """The first sequences of the segments that are in the archive, ascending."""
        return _numbers(self.archive, _ARCHIVED)

    def snapshot_sequences(self) -> list[int]:
        """The sequences of the snapshots that are there, ascending."""
        return _numbers(self.snapshots, _SNAPSHOT)

    def reaches_back(self) -> bool:
        """Whether the log and the archive together are there from the first event on."""
        return self.segment(1).exists() or self.archived(1).exists()

    def make_folders(self) -> None:
        """Make the folders that are missing below an existing ``root``."""
        for folder in (self.events, self.archive, self.snapshots, self.locks):
            folder.mkdir(exist_ok=True)


def _numbers(folder: Path, name: re.Pattern[str]) -> list[int]:
    if not folder.is_dir():
        return []
    return sorted(int(found[1]) for path in folder.iterdir() if (found := name.fullmatch(path.name)))
