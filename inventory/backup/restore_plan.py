"""What a restore will do: where it ends the log, and what its operator has to know before anyone uses the result."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from inventory.backup.manifest import BackupError, BackupLayout, Manifest, read_manifest
from inventory.backup.proof import Damage, Progress, Proof, prove, proven_lines, why_nothing
from inventory.domain.events import Event
from inventory.domain.state import State, fold
from inventory.domain.values import Instant, format_instant
from inventory.eventlog.line import FORMAT, GENESIS, NotALine, decode_next, stored_chain
from inventory.eventlog.replica import gc_paused
from inventory.eventlog.snapshot import NotASnapshot, Start, read_start, restore_image

_TELL_EVERY = 1024
Bars = Callable[[str], AbstractContextManager[Progress]]
"""Makes a progress bar with a label for a ``with`` block."""


@contextmanager
def no_bars(_label: str) -> Iterator[Progress]:
    """Show nothing."""
    yield lambda _done, _total: None


class Until(NamedTuple):
    """The moment to restore: that of the last event that is not after it. One of the two is given, or neither."""

    sequence: int | None = None
    at: Instant | None = None

    def includes(self, sequence: int, at: Instant) -> bool:
        """Whether an event is not after the moment."""
        if self.sequence is not None:
            return sequence <= self.sequence
        return self.at is None or at <= self.at


class DueHold(NamedTuple):
    """A hold that the first start on the restored folder ends."""

    reservation_id: str
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What a restore will do.

    :ivar sequence: the last event to restore. :ivar chain: its chain. :ivar last_at: its instant; ``None`` if the
        backup is empty.
    :ivar snapshots: the sequences of the snapshots to restore, ascending.
    :ivar damage: the files of the backup that are not what the manifest says.
    :ivar left_behind: the number of events after the end.
    :ivar unreadable: how many of these are lost in the backup.
    :ivar keys_until: until when a key that an event after the end has used could be sent again; ``None``: no longer.
    :ivar due: the holds that the first start ends, by their expiry.
    """

    backup: Path
    manifest: Manifest
    sequence: int
    chain: bytes
    last_at: Instant | None
    snapshots: list[int]
    damage: list[Damage]
    left_behind: int
    unreadable: int
    keys_until: Instant | None
    due: list[DueHold]


def plan_restore(
    backup: Path,
    until: Until,
    now: Instant,
    *,
    up_to_damage: bool = False,
    bars: Bars = no_bars,
) -> RestorePlan:
    """Check a backup and find the end of what to restore. Changes nothing.

    :param up_to_damage: if files of the backup are damaged, restore what is proven before the damage.
    :raises BackupError: the backup is damaged, has no manifest, or has no event at or before that moment.
    :raises OSError: it cannot be read.
    """
    manifest = read_manifest(backup)
    if (nothing := why_nothing(backup, manifest)) is not None:
        raise BackupError(nothing)
    with bars("checking the backup") as progress:
        proof = prove(backup, manifest, progress)
    if proof.damage and not up_to_damage:
        raise BackupError(_refusal(manifest, proof))
    with gc_paused(), bars("reading the events") as progress:
        return _Reading(backup, manifest, proof, until, progress).plan(now)


def _refusal(manifest: Manifest, proof: Proof) -> str:
    found = "\n".join(f"  {damage}" for damage in proof.damage)
    end, last = proof.last, manifest.last
    remaining = "every event" if end == last else f"the events up to {end} of {last}"
    return (
        f"The backup is damaged:\n{found}\nNothing was restored. Look for an undamaged copy of these files first."
        f" --up-to-damage restores {remaining}."
    )


class _Reading:
    """One reading of the proven part of a backup: folds the events up to the moment, and looks at those after it."""

    def __init__(self, backup: Path, manifest: Manifest, proof: Proof, until: Until, progress: Progress) -> None:
        self._backup, self._manifest, self._proof, self._until = backup, manifest, proof, until
        self._layout, self._progress = BackupLayout(backup), progress

    def plan(self, now: Instant) -> RestorePlan:
        """Read it. :raises BackupError: there is no event at or before the moment."""
        state, chain = self._base()
        keys_until = Instant(0)
        is_past = False
        for sequence, line in self._lines_after(state.sequence):
            event = self._event(sequence, line)
            is_past = is_past or not self._until.includes(event.sequence, event.at)
            if not is_past:
                # Where it is in the log matters only to the keys of a state that answers requests.
                fold(state, event, 0)
                chain = stored_chain(line, chain)
            elif not state.sequence:
                raise self._too_early(event.sequence, event.at)
            elif event.key_use is not None:
                keys_until = max(keys_until, event.key_use.expires_at)
        last, sequence = self._manifest.last, state.sequence
        if not sequence and (last or self._until != Until()):
            raise BackupError(f"{self._backup} has no event that can be restored. Nothing was restored.")
        due = state.reservations.due(Instant(max(now, state.last_at)), len(state.reservations), state.broken)
        return RestorePlan(
            self._backup,
            self._manifest,
            sequence,
            chain,
            state.last_at if sequence else None,
            [taken for taken in self._proof.snapshots if self._manifest.first - 1 <= taken <= sequence],
            self._proof.damage,
            last - sequence,
            last - self._proof.last,
            keys_until if keys_until > now else None,
            [DueHold(held.reservation_id, held.expires_at) for held in due if held.expires_at is not None],
        )

    def _base(self) -> tuple[State, bytes]:
        """The state to fold on, and the chain there: the newest snapshot that is not after the moment, or none."""
        earliest: Start | None = None
        for sequence in reversed(self._proof.snapshots):
            path = self._snapshot(sequence)
            try:
                start = read_start(path)
                if self._manifest.first - 1 <= sequence <= self._proof.last:
                    if self._until.includes(sequence, start.at):
                        restored = restore_image(path)
                        return restored.state, restored.cursor.chain
                    earliest = start
            except (NotASnapshot, FileNotFoundError):
                continue  # of a newer format, or replaced by a copy that runs
        if self._manifest.first == 1:
            return State(), GENESIS
        if earliest is not None:
            raise self._too_early(earliest.cursor.position.sequence, earliest.at)
        raise BackupError(
            f"{self._backup} begins with event {self._manifest.first}, and has no valid snapshot of the events before."
            " Nothing was restored."
        )

    def _lines_after(self, taken: int) -> Iterator[tuple[int, bytes]]:
        """The proven lines after a snapshot."""
        end = self._proof.last
        files = [file for file in self._manifest.segments if file.last >= taken and file.first <= end]
        for file in files:
            for sequence, line in enumerate(proven_lines(self._layout.path(file), file, end), file.first):
                if sequence % _TELL_EVERY == 0 or sequence == end:
                    self._progress(sequence - taken, end - taken)
                if sequence > taken:
                    yield sequence, line[:-1]

    def _event(self, sequence: int, line: bytes) -> Event:
        try:
            event, written_as = decode_next(line, sequence - 1)
        except NotALine as error:
            raise BackupError(f"{self._backup}: event {sequence} cannot be read: {error}.") from error
        if written_as > FORMAT:
            raise BackupError(
                f"{self._backup}: event {sequence} was written by a newer version of this program. Restore with that"
                " version."
            )
        return event

    def _too_early(self, sequence: int, at: Instant) -> BackupError:
        return BackupError(
            f"{self._backup} cannot be restored to a moment before event {sequence} ({format_instant(at)}). Nothing"
            " was restored."
        )

    def _snapshot(self, sequence: int) -> Path:
        return self._layout.snapshots / f"central-{sequence:020d}.jsonl"
