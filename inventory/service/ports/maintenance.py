"""The port: what a log lets be done to it for its maintenance."""

from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol


class StorageFigures(NamedTuple):
    """What the log takes up on disk, in bytes, and how many snapshots were taken since the marks were made."""

    log_bytes: int
    archive_bytes: int
    snapshot_bytes: int
    snapshots: int


class Behind(NamedTuple):
    """How much a start would have to read behind the newest snapshot."""

    events: int
    bytes: int


class LogMaintenance(Protocol):
    """What a log lets be done to it for its maintenance."""

    def lock(self) -> AbstractContextManager[bool]:
        """Take the maintenance lock for the ``with`` block; gives False where another process has it."""

    def since_snapshot(self) -> Behind:
        """What of the log lies behind the newest snapshot."""

    def take_snapshot(self) -> int:
        """Write a snapshot of everything committed, durable and read back; returns its sequence.

        :raises StorageUnavailable: there is none; those that were there are unharmed.
        """

    def can_compact(self) -> bool:
        """Whether a segment could be moved now, as far as that is seen without reading the snapshots."""

    def compact(self) -> int:
        """Move what no start needs any more to the archive; returns how many segments.

        :raises StorageUnavailable: a segment could not be moved; it is still in the log.
        """

    def whole_snapshots(self) -> list[int]:
        """The sequences of the snapshots that are what was written, ascending."""

    def needed_from(self) -> int:
        """The segment from which on the answers to keys that count are read; what lies before it may be deleted."""

    def figures(self) -> StorageFigures:
        """What everything takes up."""
