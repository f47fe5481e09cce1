"""The audit of a running process: its state compared with a fold of the log up to the same event."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Protocol

from inventory.domain.errors import Overloaded, StorageUnavailable
from inventory.resilience.bulkhead import Bulkhead
from inventory.resilience.child_process import ChildFailed, ChildTooSlow
from inventory.resilience.process_lock import process_lock

_RETRY_AFTER_MS = 5000


class Audits(Protocol):
    """An audit of the process that it runs in."""

    def run(self) -> dict[str, Any]:
        """Compare the state of this process with its log; return the result, as JSON.

        :raises Overloaded: another audit of this folder is running, or it did not finish in time.
        :raises StorageUnavailable: it failed.
        """


class StateCopier(Protocol):
    """Copies the state of its process."""

    def copy_state(self, write: Callable[[bytes], object]) -> int:
        """Pass a copy to ``write``, piece by piece; return its sequence."""


class Audit:
    """Copies the state to an unnamed file, which a child process compares: one audit at a time in a folder.

    It costs the worker as much as a snapshot, and a waiting thread.
    """

    def __init__(self, copier: StateCopier, folder: Path, lock: Path, compare: Callable[[int], dict[str, Any]]) -> None:
        """:param compare: gets the descriptor of the copy; raises ``ChildTooSlow``, ``ChildFailed``, ``OSError``."""
        self._copier = copier
        self._folder = folder
        self._lock = lock
        self._compare = compare
        self._here = Bulkhead(1)

    def run(self) -> dict[str, Any]:
        """See ``Audits.run``."""
        if not self._here.enter():
            raise Overloaded("another audit is running", retry_after_ms=_RETRY_AFTER_MS)
        try:
            with process_lock(self._lock, wait_ms=0) as ours:
                if not ours:
                    raise Overloaded("another audit is running", retry_after_ms=_RETRY_AFTER_MS)
                return self._run()
        finally:
            self._here.leave()

    def _run(self) -> dict[str, Any]:
        try:
            # Without a name in the folder: the kernel deletes it when this process ends, for whatever reason.
            with TemporaryFile(dir=self._folder) as copy:
                self._copier.copy_state(copy.write)
                copy.flush()
                return self._compare(copy.fileno())
        except ChildTooSlow as error:
            raise Overloaded(
                f"the audit took too long: {error}; 'inventory verify' has no time limit",
                retry_after_ms=_RETRY_AFTER_MS,
            ) from error
        except (ChildFailed, OSError) as error:
            raise StorageUnavailable(f"the audit failed: {error}", outcome="none") from error


class NoAudit:
    """Stands in for an engine without a log on files."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def run(self) -> dict[str, Any]:
        """See ``Audits.run``."""
        raise StorageUnavailable(self._reason, outcome="none")
