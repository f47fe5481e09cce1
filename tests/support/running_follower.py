"""``inventory backup --follow`` as a process of its own, and how far its copy is."""

import time
from pathlib import Path

from inventory.backup.follow import marks_of
from inventory.backup.follower_position import FollowerPosition, FollowerPositions
from inventory.eventlog.layout import Layout
from inventory.resilience.disk import Disk
from inventory.resilience.host_clock import HostClock
from inventory.resilience.retry import RetryPolicy
from support.running_command import RunningCommand
from support.waiting import until


class RunningFollower(RunningCommand):
    """One continuous copy of a data folder."""

    ready = "following"

    def __init__(self, data_dir: Path, target: Path, logs: Path, **settings: object) -> None:
        self.arguments = ("backup", "--follow", str(target))
        self._layout, self.target = Layout(data_dir), target
        self._positions = FollowerPositions(self._layout, Disk(), RetryPolicy())
        super().__init__(data_dir, logs, **settings)

    def position(self) -> FollowerPosition | None:
        """How far the copy is, by the data folder."""
        return self._positions.find(self.target)

    def until_copied(self, sequence: int) -> None:
        """Wait until the follower is at work, and the copy holds this event."""
        self.until_ready()

        def is_there() -> bool:
            position = self.position()
            return position is not None and position.sequence >= sequence

        until(f"event {sequence} is copied", is_there)

    def held_everything_at(self) -> float:
        """The moment, by the monotonic clock, as of which the copy is known to hold everything durable."""
        return self._positions.path(self.target).stat().st_mtime_ns / 1e9 - self._ahead

    def note_clock(self) -> None:
        """Note how far the time of the service is ahead of the monotonic clock: without the folder nothing tells."""
        self._ahead = marks_of(self._layout, HostClock()).now / 1e6 - time.monotonic()
