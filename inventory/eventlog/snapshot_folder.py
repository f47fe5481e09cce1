"""The folder of snapshots: write, check, and find the one to start from."""

import time
from collections.abc import Callable
from pathlib import Path

from inventory.domain.state import State
from inventory.eventlog.image import Image
from inventory.eventlog.layout import Layout
from inventory.eventlog.log_reader import START
from inventory.eventlog.snapshot import NotASnapshot, Restored, check_image, encode_image, read_start
from inventory.eventlog.timeline import restore_snapshot
from inventory.resilience.disk import Disk, replace_file
from inventory.resilience.retry import RetryPolicy

KEPT = 2
PAUSE_SECONDS = 0.001


class SnapshotFolder:
    """The snapshots of one DATA_DIR. A damaged one is set aside, and the previous one is used."""

    def __init__(
        self, layout: Layout, disk: Disk, retry: RetryPolicy, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._layout = layout
        self._disk = disk
        self._retry = retry
        self._sleep = sleep

    def write(self, image: Image) -> Path:
        """Write a snapshot, read it back, and delete all but this and the previous one.

        :raises OSError: it could not be written.
        :raises NotASnapshot: it is damaged; it was set aside.
        """
        path = self._layout.snapshot(image.cursor.position.sequence)
        replace_file(path, lambda: encode_image(image, self._between_lines), disk=self._disk, retry=self._retry)
        try:
            check_image(path, self._pause)
        except NotASnapshot:
            self.set_aside(path)
            raise
        for sequence in self._layout.snapshot_sequences()[:-KEPT]:
            self._layout.snapshot(sequence).unlink(missing_ok=True)
        return path

    def whole(self, *, hurry: bool = False) -> list[int]:
        """The sequences of the valid snapshots, ascending; damaged ones are set aside.

        One of another format is not damaged: it stays for the program that reads it, and is skipped.

        :param hurry: read without the pauses that leave time for requests: the server is not serving yet.
        :raises OSError: one cannot be read.
        """
        found = []
        for sequence in self._layout.snapshot_sequences():
            path = self._layout.snapshot(sequence)
            try:
                check_image(path, _no_pause if hurry else self._pause)
            except NotASnapshot:
                self.set_aside(path)
            else:
                if _is_of_this_format(path):
                    found.append(sequence)
        return found

    def base_of_start(self) -> Restored:
        """Return the state on which a start folds the log: the newest snapshot, or none; damaged ones are set aside.

        :raises OSError: one cannot be read.
        """
        # With the pauses it took 23 of the 30 s of a start with 1,000,000 records.
        whole = self.whole(hurry=True)
        return (self.newest(whole[-1]) if whole else None) or Restored(State(), START, None)

    def newest(self, up_to: int) -> Restored | None:
        """Return the newest valid snapshot of at most the sequence ``up_to``; damaged ones are skipped."""
        for sequence in reversed(self._layout.snapshot_sequences()):
            if sequence <= up_to:
                try:
                    return restore_snapshot(self._layout, sequence)
                except (NotASnapshot, OSError):
                    continue
        return None

    def set_aside(self, path: Path) -> Path:
        """Rename a damaged snapshot, so that no start uses it; it is kept for inspection."""
        aside = path.with_name(f"{path.name}.damaged")
        self._disk.rename(path, aside)
        return aside

    def _between_lines(self) -> None:
        self._disk.reach("in-snapshot")
        self._pause()

    def _pause(self) -> None:
        self._sleep(PAUSE_SECONDS)


def _no_pause() -> None:
    """No pause, for a start."""


def _is_of_this_format(path: Path) -> bool:
    try:
        read_start(path)
    except NotASnapshot:
        return False
    return True
