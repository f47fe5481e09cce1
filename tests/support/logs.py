"""Logs of one item that gains a unit with each event: made by hand, of several segments, with a newer line."""

from collections.abc import Callable
from hashlib import blake2b
from itertools import pairwise

import orjson

from inventory.domain.commands import Note
from inventory.domain.events import Event, KeyUse, Line
from inventory.domain.values import Instant
from inventory.eventlog.archive import move_to_archive
from inventory.eventlog.ledger import FileLedger
from inventory.eventlog.line import FORMAT, GENESIS, encode
from support.dead_letters import QUICK
from support.folder import ONE, TWO, Folder, Shim, add
from support.given import START

# One flipped bit turns a space or an at sign into NUL, and J or * into a line feed.
NASTY = Note("a", "r", " @J*", "J *")


def gaining(sequence: int, synced: int = 0, note: Note = NASTY) -> Event:
    """The event ``sequence`` of a history in which each event adds one unit."""
    at = Instant(START + sequence)
    use = KeyUse(f"k{sequence}", "h", Instant(at + 60_000_000))
    line = Line(ONE, 1, 0, sequence, 0, sequence)
    return Event(sequence, f"e{sequence}", "t", at, "n", note, (line,), None, use, None, synced)


def encoded(events: list[Event], chain: bytes = GENESIS) -> list[bytes]:
    """The events' lines, chained."""
    lines = []
    for event in events:
        line, chain = encode(event, chain)
        lines.append(line)
    return lines


def history(length: int, synced: int = 0) -> list[bytes]:
    """The lines of a log of this length, each of which calls ``synced`` durable."""
    return encoded([gaining(sequence, synced) for sequence in range(1, length + 1)])


def broken_history() -> list[bytes]:
    """The lines of a log in which the third event of ONE follows on its first, and TWO has five units."""
    gap = gaining(2)._replace(lines=(Line(ONE, 1, 0, 3, 0, 3),))
    other = gaining(3)._replace(lines=(Line(TWO, 5, 0, 5, 0, 1),))
    return encoded([gaining(1), gap, other])


def ends(lines: list[bytes]) -> list[int]:
    """Where each line begins, and where the last one ends."""
    places = [0]
    for line in lines:
        places.append(places[-1] + len(line))
    assert all(left < right for left, right in pairwise(places))
    return places


SMALL = 4096
MANY = 60
"""Segments of so many bytes, and so many events, make a log of several segments."""


def sequences(ledger: FileLedger, first: int, limit: int, *, archived: bool = True) -> list[int]:
    return [event.sequence for event in ledger.history.events(first, limit, archived=archived)]


def written(folder: Folder, disk: Shim | None = None) -> FileLedger:
    """A log of 60 events in several segments."""
    ledger = folder.start(disk, segment_bytes=SMALL)
    for _ in range(MANY):
        add(ledger)
    assert len(folder.layout.segments()) > 3
    return ledger


def archive(folder: Folder, many: int = 1) -> list[int]:
    """Move the oldest segments into the archive; returns those that are left in the log."""
    for segment in folder.layout.segments()[:many]:
        move_to_archive(folder.layout, segment, Shim(), QUICK)
    return folder.layout.segments()


def rewritten(line: bytes, before: bytes, change: Callable[[dict], object]) -> bytes:
    """The line with other fields, chained as a newer program would."""
    fields = orjson.loads(line)
    del fields["chain"]
    change(fields)
    body = orjson.dumps(fields)[:-1]
    chain = blake2b(bytes.fromhex(before[-35:-3].decode()) + body, digest_size=16).hexdigest()
    return body + b',"chain":"' + chain.encode() + b'"}\n'


def log_of_which_the_last_line(change: Callable[[dict], object]) -> bytes:
    *lines, last = history(4)
    return b"".join([*lines, rewritten(last, lines[-1], change)])


def newer(fields: dict) -> None:
    fields["format"] = FORMAT + 1


def of_another_shape(fields: dict) -> None:
    fields["format"] = FORMAT + 1
    fields["rows"] = fields.pop("lines")


def out_of_turn(fields: dict) -> None:
    fields["sequence"] = 7
