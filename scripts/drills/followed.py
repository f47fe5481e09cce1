"""The continuous copy in the power-cut drill: it is on a disk of its own, which is cut at the same moment."""

import gzip
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.server import ServerBroken

from drills.booted_server import Boot, BootedProcess
from drills.loop_disk import LoopDisk, mounted
from drills.workload import Account
from inventory.backup.follower_position import FollowerPositions
from inventory.backup.manifest import BackupLayout, NoManifest, read_manifest
from inventory.backup.proof import prove
from inventory.eventlog.layout import Layout
from inventory.eventlog.shared_header import SharedHeader
from inventory.resilience.disk import Disk
from inventory.resilience.host_clock import HostClock
from inventory.resilience.retry import RetryPolicy

_PASS_SECONDS = 60.0
_PAUSE_SECONDS = 0.01


@dataclass(slots=True)
class Found:
    """What a copy was found to hold after a cut.

    :ivar copied: its events. :ivar due: the confirmed changes that it has to hold.
    """

    wrong: list[str] = field(default_factory=list)
    copied: int = 0
    due: int = 0


class CopyAtWork:
    """A follower of ``data_dir``, and the mounted disk of its target.

    :ivar moment: as of when, by the monotonic clock, the copy holds everything that was confirmed; set by the stop.
    """

    def __init__(self, disk: LoopDisk, follower: BootedProcess, data_dir: Path) -> None:
        self._disk, self._follower = disk, follower
        layout = Layout(data_dir)
        self._position = FollowerPositions(layout, Disk(), RetryPolicy()).path(target_on(disk))
        with closing(SharedHeader(layout.shared_header)) as shared:
            self._ahead = (shared.clock_offset + HostClock().since_boot()) / 1e6 - time.monotonic()
        self.moment = 0.0

    def wait_for_a_pass(self) -> None:
        """Return when the follower has made a pass. :raises ServerBroken: it has ended, or makes none."""
        before, end = self._as_of(), time.monotonic() + _PASS_SECONDS
        while self._as_of() == before:
            self._require_at_work()
            if time.monotonic() > end:
                raise ServerBroken(f"the follower has made no pass in {_PASS_SECONDS:g} s")
            time.sleep(_PAUSE_SECONDS)

    def stop_at_once(self) -> None:
        """Stop the follower where it is. :raises ServerBroken: it has ended before."""
        self._require_at_work()
        self._follower.stop_at_once()
        self.moment = self._as_of() - self._ahead

    def copy_as_cut(self, image: Path) -> int:
        """See ``LoopDisk``."""
        return self._disk.copy_as_cut(image)

    def _require_at_work(self) -> None:
        if (reason := self._follower.why_ended()) is not None:
            raise ServerBroken(f"the follower: {reason}")

    def _as_of(self) -> float:
        return self._position.stat().st_mtime_ns / 1e9 if self._position.exists() else 0.0


def target_on(disk: LoopDisk) -> Path:
    """The backup folder on a disk."""
    return disk.folder / "copy"


@contextmanager
def copying(boot: Boot, data_dir: Path, image: Path, folder: Path) -> Iterator[CopyAtWork]:
    """Copy a folder for the ``with`` block to the disk ``image``, which is mounted at ``folder``."""
    with mounted(image, folder) as disk, boot.following(data_dir, target_on(disk)) as follower:
        at_work = CopyAtWork(disk, follower, data_dir)
        at_work.wait_for_a_pass()
        yield at_work


def look(target: Path, log: Sequence[Mapping[str, Any]], account: Account, moment: float) -> Found:
    """Hold a copy after a cut to the log that the source has, and to what was confirmed before ``moment``."""
    found = Found()
    try:
        manifest = read_manifest(target)
    except NoManifest as error:
        found.wrong.append(str(error))
        return found
    found.wrong += [f"the copy: {damage}" for damage in prove(target, manifest).damage]
    layout, copied = BackupLayout(target), list[Any]()
    for file in manifest.segments:
        content = layout.path(file).read_bytes()[: file.size]
        copied += map(json.loads, (gzip.decompress(content) if file.packed else content).splitlines())
    found.copied = len(copied)
    if copied != list(log[: len(copied)]):
        found.wrong.append(f"the copy ends at event {len(copied)}, and is not the beginning of the log")
    for key, answer in account.confirmed.items():
        if answer.at < moment:
            found.due += 1
            last = max(_sequences(json.loads(answer.body)), default=0)
            if last > len(copied):
                found.wrong.append(f"{key} was confirmed as event {last} in time, but the copy ends at {len(copied)}")
    return found


def _sequences(body: Mapping[str, Any]) -> Iterator[int]:
    """The events that an answer tells of."""
    if "sequence" in body:
        yield body["sequence"]
    for result in body.get("results", ()):
        yield from _sequences(result.get("record") or {})
