"""How far continuous copies are: a file for each target, in the data folder of their source.

    backups/<hash of the target>.json   {"target":"/mnt/b","ledgerId":"…","timelineId":"…","sequence":7,"chain":"…"}

Everything up to ``sequence`` is durable in the target. The modification time of the file is the latest moment of which
the follower knows that the target holds everything that was durable then, by the clock of the service: a pass that
finds nothing new changes only that. The file stays when the follower ends, so that its segments are kept for it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import orjson

from inventory.domain.values import Instant
from inventory.eventlog.errors import LogError
from inventory.eventlog.layout import Layout
from inventory.resilience.disk import Disk, replace_file
from inventory.resilience.process_lock import process_lock
from inventory.resilience.retry import RetryPolicy


class FollowerPosition(NamedTuple):
    """How far the copy in one target is. ``chain`` is the chain of its last event, as hex digits."""

    target: str
    ledger_id: str | None
    timeline_id: str | None
    sequence: int
    chain: str

    def lacks(self, sequence: int, timeline_id: str | None) -> bool:
        """Whether the target does not have, or may not have, the event ``sequence`` of a timeline."""
        return sequence > self.sequence or timeline_id != self.timeline_id


class PositionUnreadable(LogError):
    """The position of a follower cannot be read."""


class FollowerPositions:
    """The positions of all followers of one data folder."""

    def __init__(self, layout: Layout, disk: Disk, retry: RetryPolicy) -> None:
        self._layout, self._disk, self._retry = layout, disk, retry
        self._noted: FollowerPosition | None = None

    def path(self, target: Path) -> Path:
        """The file of a target: of its absolute path, with the symbolic links in it, whose end may be gone."""
        return self._layout.backups / f"{_name(target)}.json"

    @contextmanager
    def lock(self, target: Path) -> Iterator[bool]:
        """Hold the right to copy to ``target`` for the ``with`` block; give ``False`` if another process has it.

        :raises StorageUnavailable: the folder of the lock is gone.
        """
        with process_lock(self._layout.locks / f"backup-{_name(target)}", wait_ms=0) as ours:
            yield ours

    def all(self) -> list[FollowerPosition]:
        """Return all positions, by target. :raises PositionUnreadable: one is damaged, and names the file."""
        return sorted(_read(path) for path in _files(self._layout))

    def find(self, target: Path) -> FollowerPosition | None:
        """Return the position of the copy in ``target``, or ``None``. :raises PositionUnreadable: it is damaged."""
        path = self.path(target)
        return _read(path) if path.exists() else None

    def note(self, position: FollowerPosition, at: Instant) -> None:
        """Record that the target holds everything up to ``position``, which is all that was durable at ``at``."""
        path = self.path(Path(position.target))
        if position != self._noted or not path.exists():
            self._write(path, position)
            self._noted = position
        os.utime(path, ns=(at * 1000, at * 1000))

    def _write(self, path: Path, position: FollowerPosition) -> None:
        if not self._layout.backups.exists():
            self._layout.backups.mkdir()
            self._disk.sync_folder(self._layout.root)
        told = {
            "target": position.target,
            "ledgerId": position.ledger_id,
            "timelineId": position.timeline_id,
            "sequence": position.sequence,
            "chain": position.chain,
        }
        replace_file(path, lambda: [orjson.dumps(told) + b"\n"], disk=self._disk, retry=self._retry)

    def forget(self, target: Path) -> None:
        """Delete the position: it holds no segment back and is in no lag. :raises FileNotFoundError: there is none."""
        self.path(target).unlink()
        self._disk.sync_folder(self._layout.backups)


def lag_ms(layout: Layout, now: Instant) -> int | None:
    """Return how long ago all targets last held everything durable, by the one that is furthest behind.

    ``None`` if nothing was ever copied continuously. A moment in the future was noted before a reboot set the clock
    back: such a copy is not up to date, as far as is known. Reads no file, only a folder of a few names.
    """
    ages = []
    for path in _files(layout):
        with suppress(FileNotFoundError):  # forgotten meanwhile
            ages.append(abs(now - path.stat().st_mtime_ns // 1000))
    return max(ages) // 1000 if ages else None


def _name(target: Path) -> str:
    return blake2b(os.fsencode(os.path.abspath(target)), digest_size=8).hexdigest()


def _files(layout: Layout) -> list[Path]:
    return list(layout.backups.glob("[!.]*.json"))


def _read(path: Path) -> FollowerPosition:
    try:
        told = orjson.loads(path.read_bytes())
        position = FollowerPosition(
            told["target"], told["ledgerId"], told["timelineId"], told["sequence"], told["chain"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PositionUnreadable(
            f"{path}, the position of a continuous copy, cannot be read: {error}. Start the follower of that copy:"
            " it writes the file again. To give the copy up: inventory archive --forget-follower TARGET"
        ) from error
    if not isinstance(position.sequence, int) or not isinstance(position.target, str):
        raise PositionUnreadable(f"{path} is not the position of a continuous copy")
    return position
