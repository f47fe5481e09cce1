"""What can be wrong with a log on disk."""

from pathlib import Path

from inventory.domain.errors import StorageUnavailable, Unavailable


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


class LogRewound(LogError):
    """The log was cut or replaced below what this process has folded already."""


class StateUnusable(LogError):
    """The shared state is absent, or belongs to another boot or program: a server has to start first."""


class LockHeld(LogError):
    """A process on this folder has kept the append lock for too long."""


def unreadable(error: Exception) -> StorageUnavailable:
    """What a caller is told whose request met such an error while nothing was being written."""
    return StorageUnavailable(f"the event log could not be read: {error}", outcome="none")


def as_unavailable(error: BaseException) -> Unavailable:
    """What each waiter is told whose change met ``error``: an exception of its own."""
    match error:
        case StorageUnavailable():
            return type(error)(str(error), outcome=error.outcome)
        case Unavailable():
            return type(error)(str(error), retry_after_ms=error.retry_after_ms)
        case LogError() | OSError():
            return unreadable(error)
        case _:
            return StorageUnavailable("the committing thread met an unexpected error", outcome="unknown")


def as_not_begun(error: BaseException) -> Unavailable:
    """The same for a change that was not decided: it has not happened, whatever became of others."""
    told = as_unavailable(error)
    told.outcome = "none"
    return told
