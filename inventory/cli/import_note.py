"""How far a file was imported: a note beside the log, by which an import that was broken off goes on.

    {"attempt":1,"rows":1000000,"confirmed":40000,"begun":60000,"keysEnd":"…","sequence":40012}

Each row has an idempotency key, so a row that is tried twice changes stock once; but keys end. The note says which
rows need no key any more, and when the keys of the others end.
"""

from pathlib import Path
from typing import NamedTuple

import orjson

from inventory.domain.errors import InventoryError
from inventory.domain.values import Instant, format_instant, parse_instant
from inventory.resilience.disk import Disk, read_file, replace_file
from inventory.resilience.retry import RetryPolicy


class Note(NamedTuple):
    """What is known of the import of one file's content.

    :ivar attempt: 2 and more where its counts were stated again on purpose; part of every key.
    :ivar confirmed: so many rows from the beginning are in, whatever becomes of their keys.
    :ivar begun: no row behind this one was ever submitted. Rows between the two may be in or not.
    :ivar keys_end: until then the keys of those rows count.
    :ivar sequence: the log had got this far.
    """

    attempt: int = 1
    rows: int = 0
    confirmed: int = 0
    begun: int = 0
    keys_end: Instant = Instant(0)
    sequence: int = 0


class NoteUnreadable(InventoryError):
    """The note is not what was written."""


class NoteFile:
    """Where the note on one file's content is kept: named by the hash of that content."""

    def __init__(self, folder: Path, digest: str) -> None:
        self._path = folder / f"{digest}.json"
        self._disk, self._retry = Disk(), RetryPolicy()

    def read(self) -> Note | None:
        """Return the note, if there is one. :raises NoteUnreadable: it is damaged."""
        try:
            content = read_file(self._path, disk=self._disk, retry=self._retry)
        except FileNotFoundError:
            return None
        try:
            found = orjson.loads(content)
            attempt, rows, confirmed, begun, sequence = (int(found[name]) for name in _NUMBERS)
            return Note(attempt, rows, confirmed, begun, parse_instant(found["keysEnd"]), sequence)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise NoteUnreadable(
                f"{self._path} does not say how far this file was imported. --again sets every count in the file, even"
                " where stock was sold since"
            ) from error

    def write(self, note: Note) -> None:
        """Replace the note; durable. :raises OSError: it is as it was."""
        self._path.parent.mkdir(exist_ok=True)
        attempt, rows, confirmed, begun, keys_end, sequence = note
        numbers = dict(zip(_NUMBERS, (attempt, rows, confirmed, begun, sequence), strict=True))
        content = orjson.dumps({**numbers, "keysEnd": format_instant(keys_end)})
        replace_file(self._path, lambda: [content], disk=self._disk, retry=self._retry)


_NUMBERS = ("attempt", "rows", "confirmed", "begun", "sequence")
