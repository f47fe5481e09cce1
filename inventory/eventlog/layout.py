"""The paths inside DATA_DIR."""

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
        """The folder of the segments of the log."""
        return self.root / "events"

    @property
    def archive(self) -> Path:
        """The folder of compressed segments that no start needs."""
        return self.root / "archive"

    @property
    def snapshots(self) -> Path:
        """The folder of the snapshots."""
        return self.root / "snapshots"

    @property
    def backups(self) -> Path:
        """The folder of how far continuous copies are."""
        return self.root / "backups"

    @property
    def locks(self) -> Path:
        """The folder of files that running processes share."""
        return self.root / "locks"

    @property
    def append_lock(self) -> Path:
        """The ``flock`` on this file is the right to write to the log."""
        return self.locks / "append"

    @property
    def publish_lock(self) -> Path:
        """The lock on this file is the right to publish the views."""
        return self.locks / "publish"

    @property
    def maintenance_lock(self) -> Path:
        """The lock on this file is the right to take snapshots and compact."""
        return self.locks / "upkeep"

    @property
    def dead_letters_lock(self) -> Path:
        """The lock on this file is the right to note and settle dead letters."""
        return self.locks / "dead-letters"

    @property
    def import_lock(self) -> Path:
        """The lock on this file is the right to import stock."""
        return self.locks / "import"

    @property
    def audit_lock(self) -> Path:
        """The lock on this file is the right to run an audit."""
        return self.locks / "audit"

    @property
    def imports(self) -> Path:
        """The folder of the notes on imports."""
        return self.root / "imports"

    @property
    def restoring(self) -> Path:
        """The folder in which ``inventory restore`` builds a log. While it has a log, nothing starts on the rest."""
        return self.root / "restoring"

    @property
    def server_lock(self) -> Path:
        """Locked shared by every server on this folder, and exclusively by ``inventory rebuild`` and ``restore``."""
        return self.locks / "server"

    @property
    def shared_header(self) -> Path:
        """The shared header, which all processes on this folder map."""
        return self.locks / "state"

    @property
    def dead_letters(self) -> Path:
        """The file of the dead-letter store."""
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
        """Whether that segment exists. Called for each commit group, so it makes no ``Path``."""
        return os.path.exists(f"{self.root}/events/{first_sequence:020d}.jsonl")

    def archived(self, first_sequence: int) -> Path:
        """The same segment after compaction, compressed."""
        return self.archive / f"{first_sequence:020d}.jsonl.gz"

    def snapshot(self, sequence: int) -> Path:
        """The snapshot of everything up to this sequence."""
        return self.snapshots / f"central-{sequence:020d}.jsonl"

    def segments(self) -> list[int]:
        """The first sequences of the segments in the log, ascending."""
        return _numbers(self.events, _SEGMENT)

    def archived_segments(self) -> list[int]:
        """The first sequences of the segments in the archive, ascending."""
        return _numbers(self.archive, _ARCHIVED)

    def snapshot_sequences(self) -> list[int]:
        """The sequences of the snapshots, ascending."""
        return _numbers(self.snapshots, _SNAPSHOT)

    def reaches_back(self) -> bool:
        """Whether the log and the archive together begin at the first event."""
        return self.segment(1).exists() or self.archived(1).exists()

    def make_folders(self) -> None:
        """Create the missing folders below an existing ``root``."""
        for folder in (self.events, self.archive, self.snapshots, self.locks):
            folder.mkdir(exist_ok=True)


def _numbers(folder: Path, name: re.Pattern[str]) -> list[int]:
    if not folder.is_dir():
        return []
    return sorted(int(found[1]) for path in folder.iterdir() if (found := name.fullmatch(path.name)))
