"""A follower whose passes are scripted: the result and the duration of each."""

import errno
from pathlib import Path

from inventory.backup.copy import Extended
from inventory.backup.follow import Follower, Marks
from inventory.backup.follower_position import FollowerPosition, FollowerPositions, lag_ms
from inventory.backup.manifest import Manifest, write_manifest
from inventory.domain.values import Instant
from inventory.eventlog.layout import Layout
from inventory.eventlog.log_check import Progress
from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy
from support.given import Clock

MANIFEST = Manifest("ledger", "timeline", None, Instant(1), "0")
POSITION = FollowerPosition("", "ledger", "timeline", 0, "00" * 16)
FULL = OSError(errno.ENOSPC, "No space left on device", "/mnt/backup/segments/1")
BROKEN = OSError(errno.EIO, "Input/output error")


class World:
    """A data folder and a target; ``faults`` are what the next passes meet, one each, ``None`` for nothing."""

    def __init__(self, home: Path) -> None:
        self.layout, self.target = Layout(home / "data"), home / "target"
        self.layout.root.mkdir()
        self.layout.make_folders()
        self.clock = Clock()
        self.faults: list[Exception | None] = []
        self.copied = self.opened = 0
        self.is_open = False
        self.takes_ms = 0
        self.snapshot_takes_ms: list[int] = []
        self.lags: list[int | None] = []
        self.made, self.durable = 1, 0
        self.away: Exception | None = None
        self.positions = FollowerPositions(self.layout, Disk(), RetryPolicy(1))

    def run(self, progress: Progress, extended: Extended) -> Manifest:
        self.opened += not self.is_open
        self.is_open = True
        progress(0, 1)
        self.stood = self.positions.all()
        self.clock.advance(ms=self.takes_ms)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            self.close()
            raise fault
        self.copied += 1
        self.target.mkdir(exist_ok=True)
        write_manifest(self.target, MANIFEST, Disk(), RetryPolicy(1))
        for takes_ms in (0, *self.snapshot_takes_ms):
            self.clock.advance(ms=takes_ms)
            extended(MANIFEST)
            self.lags.append(self.lag())
        return MANIFEST

    def close(self) -> None:
        self.is_open = False

    def marks(self) -> Marks:
        if self.away is not None:
            raise self.away
        return Marks((self.made,), self.durable, self.clock())

    def follower(self) -> Follower:
        return Follower(self.target, self, self.positions, self.marks)

    def lag(self) -> int | None:
        return lag_ms(self.layout, self.clock())
