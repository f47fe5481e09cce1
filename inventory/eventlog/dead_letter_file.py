"""The dead-letter store: a file with one JSON object in each line, which is never rewritten.

    {"sequence":7,"eventId":"…","type":"stock.adjusted","ts":"…","storeId":"…","sku":"…","line":{…},
     "before":{"onHand":5,"reserved":0,"version":2},"reason":"…","tries":3,"notedAt":"…","state":"dead","settled":null}

(without the line breaks). ``line`` is the line of the record in the log. The last line of a letter, by sequence, store
and SKU, counts; ``settled`` is {"sequence","eventId","by","at","reason"} in lines that settle a letter.
"""

import logging
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import orjson

from inventory.domain.dead_letter import Figures
from inventory.domain.errors import StorageUnavailable
from inventory.domain.values import ItemId, Sku, StoreId, format_instant, parse_instant
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import line_as_json, line_from_json
from inventory.resilience.disk import Disk
from inventory.resilience.process_lock import process_lock
from inventory.service.ports.dead_letter_store import DeadLetter, Settlement

_log = logging.getLogger(__name__)


class DeadLetterFile:
    """Implements ``DeadLetterStore`` on one file, which several processes may share."""

    def __init__(self, layout: Layout, disk: Disk) -> None:
        self._layout = layout
        self._disk = disk
        self._read_as: tuple[int, int, int] | None = None
        self._letters: Sequence[DeadLetter] = ()

    def lock(self, *, wait_ms: int) -> AbstractContextManager[bool]:
        """See ``DeadLetterStore.lock``."""
        return process_lock(self._layout.dead_letters_lock, wait_ms=wait_ms)

    def all(self) -> Sequence[DeadLetter]:
        """See ``DeadLetterStore.all``. Invalid lines are skipped and logged."""
        try:
            with open(self._layout.dead_letters, "rb") as file:
                here = os.fstat(file.fileno())
                found = (here.st_ino, here.st_size, here.st_mtime_ns)
                if found != self._read_as:
                    self._letters, self._read_as = _letters_of(file.read()), found
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise StorageUnavailable(f"cannot read the dead letters: {error}", outcome="none") from error
        return self._letters

    def append(self, letters: Sequence[DeadLetter]) -> None:
        """See ``DeadLetterStore.append``."""
        data = b"".join([orjson.dumps(dead_letter_as_json(letter)) + b"\n" for letter in letters])
        path = self._layout.dead_letters
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                began = self._append(descriptor, data)
            finally:
                os.close(descriptor)
            if began == 0:
                self._disk.sync_folder(path.parent)
        except OSError as error:
            raise StorageUnavailable(f"cannot write the dead letters: {error}", outcome="none") from error

    def _append(self, descriptor: int, data: bytes) -> int:
        whole = _end_of_lines(descriptor)
        if whole < os.fstat(descriptor).st_size:
            # A dead writer left an incomplete line at the end.
            self._disk.truncate(descriptor, whole)
        try:
            taken = self._disk.append(descriptor, data)
            if taken != len(data):
                raise OSError(f"only {taken} of {len(data)} bytes were written")
            self._disk.fsync(descriptor)
        except OSError:
            # Also after a failed flush: the next pass writes what is cut off again, and flushes it.
            self._disk.truncate(descriptor, whole)
            raise
        return whole


def dead_letter_as_json(letter: DeadLetter) -> dict[str, Any]:
    """A letter as its line in the file, and as clients see it."""
    before, settled = letter.before, letter.settled
    return {
        "sequence": letter.sequence,
        "eventId": letter.event_id,
        "type": letter.type,
        "ts": None if letter.at is None else format_instant(letter.at),
        "storeId": letter.item.store,
        "sku": letter.item.sku,
        "line": letter.line and line_as_json(letter.line),
        "before": before and {"onHand": before.on_hand, "reserved": before.reserved, "version": before.version},
        "reason": letter.reason,
        "tries": letter.tries,
        "notedAt": format_instant(letter.noted_at),
        "state": letter.state,
        "settled": settled
        and {
            "sequence": settled.sequence,
            "eventId": settled.event_id,
            "by": settled.by,
            "at": format_instant(settled.at),
            "reason": settled.reason,
        },
    }


def _letter_from_json(fields: dict[str, Any]) -> DeadLetter:
    line, before, settled = fields["line"], fields["before"], fields["settled"]
    return DeadLetter(
        fields["sequence"],
        ItemId(StoreId(fields["storeId"]), Sku(fields["sku"])),
        fields["eventId"],
        fields["type"],
        None if fields["ts"] is None else parse_instant(fields["ts"]),
        line and line_from_json(line),
        before and Figures(before["onHand"], before["reserved"], before["version"]),
        fields["reason"],
        fields["tries"],
        parse_instant(fields["notedAt"]),
        fields["state"],
        settled
        and Settlement(
            settled["sequence"], settled["eventId"], settled["by"], parse_instant(settled["at"]), settled["reason"]
        ),
    )


def _letters_of(content: bytes) -> Sequence[DeadLetter]:
    letters: dict[tuple[int, ItemId], DeadLetter] = {}
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        try:
            letter = _letter_from_json(orjson.loads(line))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            _log.warning("skipped line %d of the dead letters, which is not valid: %s", number, error)
            continue
        letters[letter.sequence, letter.item] = letter
    return tuple(letters.values())


def _end_of_lines(descriptor: int) -> int:
    with open(descriptor, "rb", closefd=False) as file:
        return file.read().rfind(b"\n") + 1
