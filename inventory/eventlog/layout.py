"""Where everything is inside DATA_DIR."""

import re
from dataclasses import dataclass
from pathlib import Path

_SEGMENT = re.compile(r"[0-9]{20}\.jsonl", re.ASCII)


@dataclass(frozen=True, slots=True)
class Layout:
    """The files and folders of one DATA_DIR."""

    root: Path

    @property
    def events(self) -> Path:
        """The folder of the log's segments."""
        return self.root / "events"

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
    def server_lock(self) -> Path:
        """Shared by every server on this folder; ``inventory rebuild`` wants it alone."""
        return self.locks / "server"

    @property
    def shared_state(self) -> Path:
        """The marks that all processes on this folder map."""
        return self.locks / "state"

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

    def segments(self) -> list[int]:
        """The first sequences of the segments that are there, ascending."""
        if not self.events.is_dir():
            return []
        return sorted(int(path.stem) for path in self.events.iterdir() if _SEGMENT.fullmatch(path.name))

    def make_folders(self) -> None:
        """Make the folders that are missing below an existing ``root``."""
        for folder in (self.events, self.locks):
            folder.mkdir(exist_ok=True)
