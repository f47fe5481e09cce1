"""The port: maintenance of a log."""

from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol


class StorageFigures(NamedTuple):
    """The size of the log on disk, in bytes, and the snapshots taken since the shared header was created."""

    log_bytes: int
    archive_bytes: int
    snapshot_bytes: int
    snapshots: int


class Behind(NamedTuple):
    """How much a start would have to read after the newest snapshot."""

    events: int
    bytes: int


class LogMaintenance(Protocol):
    """The maintenance operations of a log."""

    def lock(self) -> AbstractContextManager[bool]:
        """Hold the maintenance lock for the ``with`` block; give ``False`` if another process has it."""

    def since_snapshot(self) -> Behind:
        """The part of the log after the newest snapshot."""

    def take_snapshot(self) -> int:
        """Write a snapshot of everything committed, durable and read back; return its sequence.

        :raises StorageUnavailable: there is no new snapshot; the earlier ones are unchanged.
        """

    def can_compact(self) -> bool:
        """Whether a segment could be moved now, as far as can be seen without reading the snapshots."""

    def compact(self) -> int:
        """Move segments that no start needs any more to the archive; return their number.

        :raises StorageUnavailable: a segment could not be moved; it is still in the log.
        """

    def whole_snapshots(self) -> list[int]:
        """The sequences of the valid snapshots, ascending."""

    def needed_from(self) -> int:
        """The first segment that unexpired keys need for their answers; earlier ones may be deleted."""

    def figures(self) -> StorageFigures:
        """The sizes on disk."""
