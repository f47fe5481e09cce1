"""Logs made by hand: events of one item that gains a unit with each."""

from itertools import pairwise

from inventory.domain.commands import Note
from inventory.domain.events import Event, KeyUse, Line
from inventory.domain.values import Instant
from inventory.eventlog.line import GENESIS, encode
from support.folder import ONE, TWO
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
