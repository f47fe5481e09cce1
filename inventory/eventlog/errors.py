"""Errors of a log on disk."""

from pathlib import Path

from inventory.domain.errors import NeedsOperator, StorageUnavailable


class LogError(Exception):
    """The base class of these errors."""


class LogDamaged(LogError):
    """A file of the log is damaged. Names the file, the line and the byte."""

    def __init__(self, path: Path, line: int, byte: int, reason: str) -> None:
        super().__init__(f"{path}, line {line}, byte {byte}: {reason}")
        self.path = path
        self.line = line
        self.byte = byte
        self.reason = reason


class EventsMissing(LogDamaged):
    """Events are missing that were written, as another file in the folder proves.

    :ivar first: the first of them. :ivar last: the last of them, or ``None`` if their number is unknown.
    """

    def __init__(self, path: Path, line: int, byte: int, reason: str, first: int, last: int | None) -> None:
        super().__init__(path, line, byte, f"{reason}. {_missing(first, last)}")
        self.first = first
        self.last = last
        self._proof = reason

    def up_to(self, last: int) -> "EventsMissing":
        """Make the same error with the last missing event."""
        return type(self)(self.path, self.line, self.byte, self._proof, self.first, self.last or last)


def _missing(first: int, last: int | None) -> str:
    if last is None:
        return f"Missing: every event from {first} on"
    many = last - first + 1
    return f"Missing: event {first}" if many == 1 else f"Missing: {many} events, {first} to {last}"


class SegmentMissing(EventsMissing):
    """A file of the log is neither in the log nor in the archive."""


class LogRewound(LogError):
    """The log was cut or replaced below what this process has already folded."""


class FolderReplaced(LogRewound):
    """A shared file of this folder was removed or replaced.

    Another process may use the new file: this process must neither return nor extend what it has in memory.
    """


class StateUnusable(LogError):
    """The shared header is missing, or belongs to another boot or program: a server has to start first."""

    action = "start a server on the folder, or run 'inventory sync'"


class LockHeld(LogError):
    """Another process has held the append lock for too long."""


EXAMINE = "stop the servers and run 'inventory verify', which names the damage; see docs/how-to/damaged-log.md"


def unreadable(error: Exception) -> StorageUnavailable:
    """The refusal of a request that met such an error without writing."""
    message = f"cannot read the event log: {error}"
    # The next process reads a rewound log again; errors of the system may pass.
    if isinstance(error, LogRewound | OSError):
        return StorageUnavailable(message, outcome="none")
    return NeedsOperator(message, error.action if isinstance(error, StateUnusable) else EXAMINE)
