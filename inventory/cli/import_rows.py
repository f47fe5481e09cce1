"""How far a file was imported: a note beside the log, from which an interrupted import continues.

    {"attempt":1,"rows":1000000,"confirmed":40000,"begun":60000,"keysEnd":"…","sequence":40012}

Each row has an idempotency key, so a row that is tried twice changes stock once; but keys expire. The note says which
rows need no key any more, and when the keys of the others expire.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import orjson

from inventory.cli.stock_csv import StockRow
from inventory.domain import commands
from inventory.domain.commands import CountStock, SetPolicy
from inventory.domain.errors import InventoryError, LockContended, NeedsOperator, Unavailable, for_people
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.values import Instant, format_instant, parse_instant
from inventory.resilience.disk import Disk, read_file, replace_file
from inventory.resilience.retry import RetryPolicy
from inventory.service.ports.change_queue import Outcome
from inventory.service.ports.health import LedgerHealth
from inventory.service.stock import StockService, Wanted


class ImportNote(NamedTuple):
    """What is known of the import of one file's content.

    :ivar attempt: counts the imports with ``--again``, from 1; part of every key.
    :ivar confirmed: this many rows from the beginning were applied, whatever happens to their keys.
    :ivar begun: no row after this one was ever submitted. Rows between the two may or may not be applied.
    :ivar keys_end: the keys of those rows are remembered until then.
    :ivar sequence: the end of the log when the note was written.
    """

    attempt: int = 1
    rows: int = 0
    confirmed: int = 0
    begun: int = 0
    keys_end: Instant = Instant(0)
    sequence: int = 0


class ImportNoteUnreadable(InventoryError):
    """The note is damaged."""


class ImportNoteFile:
    """The file of the note, named by the hash of the imported file's content."""

    def __init__(self, folder: Path, digest: str) -> None:
        self._path = folder / f"{digest}.json"
        self._disk, self._retry = Disk(), RetryPolicy()

    def read(self) -> ImportNote | None:
        """Return the note, or ``None``. :raises ImportNoteUnreadable: it is damaged."""
        try:
            content = read_file(self._path, disk=self._disk, retry=self._retry)
        except FileNotFoundError:
            return None
        try:
            found = orjson.loads(content)
            attempt, rows, confirmed, begun, sequence = (int(found[name]) for name in _NUMBERS)
            return ImportNote(attempt, rows, confirmed, begun, parse_instant(found["keysEnd"]), sequence)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise ImportNoteUnreadable(
                f"{self._path} is damaged, so it is unknown how far this file was imported. --again sets every count"
                " in the file, even where stock was sold since"
            ) from error

    def write(self, note: ImportNote) -> None:
        """Replace the note; durable. :raises OSError: the note is unchanged."""
        self._path.parent.mkdir(exist_ok=True)
        attempt, rows, confirmed, begun, keys_end, sequence = note
        numbers = dict(zip(_NUMBERS, (attempt, rows, confirmed, begun, sequence), strict=True))
        content = orjson.dumps({**numbers, "keysEnd": format_instant(keys_end)})
        replace_file(self._path, lambda: [content], disk=self._disk, retry=self._retry)


_NUMBERS = ("attempt", "rows", "confirmed", "begun", "sequence")

AT_ONCE = 500
"""Rows that are submitted together; each is one or two changes."""
SPAN = 40 * AT_ONCE
"""Rows between two notes: a note costs two flushes."""
_TRIES = 5


class ImportStopped(InventoryError):
    """The import cannot continue now, or not safely; the message says how far it is and what to do."""


class Numbered(NamedTuple):
    """A row of the file: its number among the rows, from 1, and the line where it begins."""

    number: int
    line: int
    row: StockRow


class Importing:
    """One import. Rows are applied in order, ``AT_ONCE`` together; the counters say how far it is.

    :ivar applied: rows that this run has applied. :ivar kept: rows that were applied before. :ivar refused: rows
        that were refused.
    """

    def __init__(
        self,
        stock: StockService,
        ledger: LedgerHealth,
        key_ttl_ms: int,
        *,
        refuse: Callable[[int, str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """:param refuse: called with the line and the reason of each refused row."""
        self.applied = self.kept = self.refused = 0
        self._stock, self._now, self._sleep = stock, ledger.now, sleep
        self._status, self._broken = ledger.status, ledger.broken
        self._ttl, self._refuse = key_ttl_ms * 1000, refuse
        self._unknown: set[int] = set()

    def run(
        self, rows: Iterable[Numbered], total: int, digest: str, notes: ImportNoteFile, *, again: bool = False
    ) -> None:
        """Apply all rows that are not applied yet.

        :param again: set all counts again, as if the file had never been imported.
        :raises ImportStopped: see there; applied rows stay, and a repeated run continues.
        :raises OSError: the note cannot be written.
        """
        found = self._stated_again(notes, total) if again else self._found(notes, total)
        note, confirmed = found, found.confirmed
        for some in _chunks(rows):
            last = some[-1].number
            rest = [one for one in some if one.number > found.confirmed]
            self.kept += len(some) - len(rest)
            if not rest:
                continue
            if rest[0].number <= found.begun and self._now() >= found.keys_end:
                raise _keys_ended(rest[0], found)
            if last > note.begun:
                note = self._noted(note, confirmed, min(total, some[0].number - 1 + SPAN))
                notes.write(note)
            self._carry_out(rest, f"import-{digest}-{note.attempt}", digest)
            if not self.refused:
                confirmed = last
        if confirmed > note.confirmed:
            notes.write(self._noted(note, confirmed, note.begun))

    def _stated_again(self, notes: ImportNoteFile, total: int) -> ImportNote:
        try:
            found = notes.read()
        except ImportNoteUnreadable:
            # The number of earlier attempts is unknown; the instant is above all of them.
            return ImportNote(self._now(), total)
        return ImportNote(found.attempt + 1 if found is not None else 2, total)

    def _found(self, notes: ImportNoteFile, total: int) -> ImportNote:
        found = notes.read() or ImportNote(rows=total)
        if found.sequence > self._status().sequence:
            raise ImportStopped(
                f"this file was imported into a log that had event {found.sequence}, but this log ends at event"
                f" {self._status().sequence}: it is another log, or an older copy. --again sets every count in the"
                " file, even where stock was sold since"
            )
        return found

    def _noted(self, before: ImportNote, confirmed: int, begun: int) -> ImportNote:
        # Keys of rows submitted from now on expire later. While earlier rows are unconfirmed, their keys decide.
        keys_end = Instant(self._now() + self._ttl) if confirmed == before.begun else before.keys_end
        return before._replace(confirmed=confirmed, begun=begun, keys_end=keys_end, sequence=self._status().sequence)

    def _carry_out(self, rows: list[Numbered], key: str, meaning: str) -> None:
        pending = rows
        for tried in range(1, _TRIES + 1):
            pending, again_in_ms = self._try(pending, key, meaning, last=tried == _TRIES)
            if not pending:
                return
            self._sleep(again_in_ms / 1000)

    def _try(self, rows: list[Numbered], key: str, meaning: str, *, last: bool) -> tuple[list[Numbered], int]:
        """Apply rows; return those to be tried again, and after how many ms."""
        wanted = [_wanted(one, key, meaning) for one in rows]
        results = iter(self._stock.change_many([change for of_row in wanted for change in of_row]))
        pending: list[Numbered] = []
        again_in_ms = 0
        for one, of_row in zip(rows, wanted, strict=True):
            errors: list[InventoryError] = []
            replayed = True
            for result in islice(results, len(of_row)):
                if isinstance(result, Outcome):
                    replayed = replayed and result.replayed
                else:
                    errors.append(result)
            passing = [error for error in errors if isinstance(error, Unavailable)]
            is_broken = bool(passing) and one.row.item in dict(self._broken(self._status().broken))
            if not errors:
                # A replay in a later try of this run may be the change of an earlier try.
                kept = replayed and one.number not in self._unknown
                self.kept += kept
                self.applied += not kept
            elif (stopping := _stopping(passing)) and not is_broken:
                raise ImportStopped(f"stopped at line {one.line}: {for_people(stopping)}; then repeat the command")
            elif passing and not last and not is_broken:
                pending.append(one)
                if any(error.outcome == "unknown" for error in passing):
                    self._unknown.add(one.number)
                again_in_ms = max(again_in_ms, passing[0].retry_after_ms)
            elif passing and not is_broken and not isinstance(passing[0], LockContended):
                raise ImportStopped(f"stopped at line {one.line}: {passing[0]}; repeat the command to continue")
            else:
                self.refused += 1
                self._refuse(one.line, str(errors[0]))
        return pending, again_in_ms


def _wanted(one: Numbered, key: str, meaning: str) -> list[Wanted]:
    item, on_hand, policy, reason, reference = one.row
    note = commands.Note(reason=reason or "import", reference=reference)
    name = f"{key}-{one.number}"
    wanted: list[Wanted] = [(CountStock(item, on_hand, note=note), IdempotencyKey(name, meaning))]
    if policy is not None:
        wanted.append((SetPolicy(item, policy, note=note), IdempotencyKey(f"{name}-policy", meaning)))
    return wanted


def _stopping(errors: Sequence[Unavailable]) -> NeedsOperator | None:
    """The error that a further try cannot get past."""
    return next((error for error in errors if isinstance(error, NeedsOperator)), None)


def _chunks(rows: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    rest = iter(rows)
    while some := list(islice(rest, AT_ONCE)):
        yield some


def _keys_ended(first: Numbered, found: ImportNote) -> ImportStopped:
    return ImportStopped(
        "an earlier import of this file was interrupted, and its idempotency keys have expired (IDEMP_TTL_MS): rows"
        f" {first.number} (line {first.line}) to {found.begun} may or may not be applied, and setting their counts"
        " again could undo later sales. Put the remaining rows into a separate file; --again sets every count of this"
        " one"
    )
