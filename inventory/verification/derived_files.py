"""The files that are derived from the log, compared with a fold of the log."""

from pathlib import Path
from typing import Protocol

import orjson

from inventory.domain.state import State
from inventory.eventlog.layout import Layout
from inventory.eventlog.published_views import CENTRAL_VIEW, STORE_VIEW, View, document
from inventory.eventlog.snapshot import NotASnapshot, restore_image
from inventory.resilience.disk import Disk, read_file
from inventory.resilience.retry import RetryPolicy
from inventory.service.state_pages import StockCopy
from inventory.verification.drift import DriftReport, drift_between, other_ids

_REBUILT = "'inventory rebuild' writes it again"


class Derived(Protocol):
    """A file with the state at one sequence."""

    def compare(self, state: State) -> None:
        """Compare, if the state has just reached the sequence of the file."""

    def problems(self) -> list[str]:
        """The problems of the file, once the whole log is folded."""

    def notes(self) -> list[str]:
        """Remarks on the file that are not problems."""


def derived_files(layout: Layout, drift: DriftReport) -> list[Derived]:
    """All derived files that exist in a folder; the service makes missing ones again by itself.

    :param drift: gets the differences in snapshots.
    """
    views = [DerivedView(view, layout) for view in (STORE_VIEW, CENTRAL_VIEW)]
    taken = layout.snapshot_sequences()
    return [*views, *(DerivedSnapshot(layout.snapshot(sequence), sequence, drift) for sequence in taken)]


class DerivedView:
    """A published file. If its event is no longer in the log, it is stale and cannot be compared."""

    def __init__(self, view: View, layout: Layout) -> None:
        self._view = view
        self._path = view.path(layout)
        self._content = _content(self._path)
        self._sequence: int | None = None
        self._stale_since: int | None = None
        self._differs = False
        if self._content is not None:
            self._sequence = _sequence_of(self._content)
            self._differs = self._sequence is None

    def compare(self, state: State) -> None:
        """See ``Derived.compare``."""
        if self._sequence is None:
            return
        if state.sequence > self._sequence:
            # The fold began after it: the log no longer has the state of that event.
            self._sequence, self._stale_since = None, self._sequence
        elif state.sequence == self._sequence:
            self._differs = b"".join(document(self._view, StockCopy(state))) != self._content
            self._sequence = None

    def problems(self) -> list[str]:
        """See ``Derived.problems``."""
        if self._differs:
            return [f"{self._path} does not match the log; 'inventory sync --force' publishes it again"]
        if self._sequence is not None:
            return [f"{self._path} is of event {self._sequence}, which the log does not have"]
        return []

    def notes(self) -> list[str]:
        """See ``Derived.notes``."""
        if self._stale_since is None:
            return []
        old = f"{self._path} is of event {self._stale_since}, which can no longer be folded from the log"
        return [f"{old}; stale until the next 'inventory sync'"]


class DerivedSnapshot:
    """A snapshot: its records and their order must be those of the fold."""

    def __init__(self, path: Path, sequence: int, drift: DriftReport) -> None:
        self._path = path
        self._drift = drift
        self._sequence = sequence
        self._found: str | None = (
            f"is of event {sequence}, which the log does not have: this snapshot has changes that the log has lost"
        )

    def compare(self, state: State) -> None:
        """See ``Derived.compare``."""
        if state.sequence != self._sequence:
            return
        self._found = None
        try:
            restored = restore_image(self._path).state
        except FileNotFoundError:
            return  # a newer one has replaced it in the meantime
        except (NotASnapshot, OSError) as error:
            self._found = f"is not usable: {error}; {_REBUILT}"
            return
        differs = self._drift.add(drift_between(restored, state), source=self._path.name)
        if differs or list(restored.records) != list(state.records):
            self._found = f"differs from the log; {_REBUILT}"
        elif restored.ledger_id is not None and (told := other_ids(restored, state)) is not None:
            self._found = f"{told}; {_REBUILT}"

    def problems(self) -> list[str]:
        """See ``Derived.problems``."""
        return [f"{self._path} {self._found}"] if self._found else []

    def notes(self) -> list[str]:
        """See ``Derived.notes``: there are none on snapshots."""
        return []


def _sequence_of(content: bytes) -> int | None:
    try:
        found = orjson.loads(content)["asOfSequence"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return found if type(found) is int and found >= 0 else None


def _content(path: Path) -> bytes | None:
    try:
        return read_file(path, disk=Disk(), retry=RetryPolicy())
    except FileNotFoundError:
        return None
