"""The audit of a running process: its state beside a fold of the log, up to the same event."""

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
    """What audits the process that it is in."""

    def run(self) -> dict[str, Any]:
        """Compare this process's state with its log; returns what was found, as JSON.

        :raises Overloaded: one is at work in this folder already, or it would take too long.
        :raises StorageUnavailable: it cannot be done.
        """


class StateCopier(Protocol):
    """What can copy the state of its process."""

    def copy_state(self, write: Callable[[bytes], object]) -> int:
        """Hand a copy to ``write``, piece by piece; returns its sequence."""


class Audit:
    """Copies the state to a file without a name, and has another process compare that: one at a time in a folder.

    The process that answers requests spends on it what a snapshot costs it, and a thread that waits.
    """

    def __init__(self, copier: StateCopier, folder: Path, lock: Path, compare: Callable[[int], dict[str, Any]]) -> None:
        """:param compare: is given the copy's descriptor; raises ``ChildTooSlow``, ``ChildFailed``, ``OSError``."""
        self._copier = copier
        self._folder = folder
        self._lock = lock
        self._compare = compare
        self._here = Bulkhead(1)

    def run(self) -> dict[str, Any]:
        """See ``Audits.run``."""
        if not self._here.enter():
            raise Overloaded("an audit is at work already", retry_after_ms=_RETRY_AFTER_MS)
        try:
            with process_lock(self._lock, wait_ms=0) as ours:
                if not ours:
                    raise Overloaded("an audit is at work already", retry_after_ms=_RETRY_AFTER_MS)
                return self._run()
        finally:
            self._here.leave()

    def _run(self) -> dict[str, Any]:
        try:
            # Without a name in the folder: it is gone when this process is, however that ends.
            with TemporaryFile(dir=self._folder) as copy:
                self._copier.copy_state(copy.write)
                copy.flush()
                return self._compare(copy.fileno())
        except ChildTooSlow as error:
            raise Overloaded(
                f"the audit was ended: {error}. 'inventory verify' has all the time it needs",
                retry_after_ms=_RETRY_AFTER_MS,
            ) from error
        except (ChildFailed, OSError) as error:
            raise StorageUnavailable(f"the audit could not be done: {error}", outcome="none") from error


class NoAudit:
    """Stands in where there is no log on files."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def run(self) -> dict[str, Any]:
        """See ``Audits.run``."""
        raise StorageUnavailable(self._reason, outcome="none")
