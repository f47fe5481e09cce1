"""What can be wrong with a log on disk."""

from pathlib import Path

from inventory.domain.errors import NeedsOperator, StorageUnavailable


class LogError(Exception):
    """The root of these."""


class LogDamaged(LogError):
    """A file of the log does not hold what was written to it. Names the file, the line and the byte."""

    def __init__(self, path: Path, line: int, byte: int, reason: str) -> None:
        super().__init__(f"{path}, line {line}, byte {byte}: {reason}")
        self.path = path
        self.line = line
        self.byte = byte
        self.reason = reason


class EventsMissing(LogDamaged):
    """Events were written, as something else in the folder proves, and are not there.

    :ivar first: the first of them. :ivar last: the last of them, or ``None`` where nothing says how many there were.
    """

    def __init__(self, path: Path, line: int, byte: int, reason: str, first: int, last: int | None) -> None:
        super().__init__(path, line, byte, f"{reason}. {_missing(first, last)}")
        self.first = first
        self.last = last
        self._proof = reason

    def up_to(self, last: int) -> "EventsMissing":
        """Make the same error for a caller who knows how many there were."""
        return type(self)(self.path, self.line, self.byte, self._proof, self.first, self.last or last)


def _missing(first: int, last: int | None) -> str:
    if last is None:
        return f"Missing: every event from {first} on"
    many = last - first + 1
    return f"Missing: event {first}" if many == 1 else f"Missing: {many} events, {first} to {last}"


class SegmentMissing(EventsMissing):
    """A file of the log is neither there nor in the archive."""


class LogRewound(LogError):
    """The log was cut or replaced below what this process has folded already."""


class FolderReplaced(LogRewound):
    """A file that the processes on this folder share is no longer the one that bears its name.

    Another process may have its successor: what this one has in memory is not to be told, or added to.
    """


class StateUnusable(LogError):
    """The shared state is absent, or belongs to another boot or program: a server has to start first."""

    action = "start a server on the folder, or run 'inventory sync'"


class LockHeld(LogError):
    """A process on this folder has kept the append lock for too long."""


EXAMINE = "stop the servers and run 'inventory verify', which names the damage; see docs/how-to/damaged-log.md"


def unreadable(error: Exception) -> StorageUnavailable:
    """What a caller is told whose request met such an error while nothing was being written."""
    message = f"cannot read the event log: {error}"
    # A log that was rewound is read again by the process that follows; the system's errors may pass.
    if isinstance(error, LogRewound | OSError):
        return StorageUnavailable(message, outcome="none")
    return NeedsOperator(message, error.action if isinstance(error, StateUnusable) else EXAMINE)
