"""Which ledger a folder has and which timeline of it, and the event that begins a timeline.

The ledger id is the id of the first event of the log. ``inventory restore`` ends the log that it restores with a
``ledger.restored`` event, which has no lines: its id is that of the new timeline. This event is always the first line
of a segment, so the timeline of a log is found without reading the log.

Snapshots carry both ids in their headers. Those of earlier versions do not: then the segments are asked, in the log and
in the archive. If ``archive --keep`` had deleted the beginning of the log before any snapshot carried the ids, the
ledger id is that of the first event that was left.
"""

import gzip
import logging
import zlib
from typing import NamedTuple

from inventory.domain.commands import Note
from inventory.domain.events import LEDGER_RESTORED, Event
from inventory.domain.state import LedgerIds
from inventory.domain.values import Instant
from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import NotALine, decode, encode
from inventory.eventlog.snapshot import NotASnapshot, Restored, check_image, read_start, restore_image
from inventory.service.event_ids import uuid7

_log = logging.getLogger(__name__)


class TimelineStart(NamedTuple):
    """The event that begins a timeline, its line with the line feed, and the chain of the line."""

    event: Event
    line: bytes
    chain: bytes


def timeline_start(
    sequence: int, previous: bytes, at: Instant, *, node: str, reason: str, actor: str = "anonymous"
) -> TimelineStart:
    """Make the event with which a restored log continues. The caller writes the line as the first one of a segment.

    :param sequence: its own: that of the last restored event + 1, and the number of its segment.
    :param previous: the chain of the last restored event, which is durable.
    :param at: not before the last restored event.
    :param reason: says from what the log was restored.
    """
    note = Note(actor, reason=reason)
    event = Event(sequence, uuid7(at), LEDGER_RESTORED, at, node, note, (), synced=sequence - 1)
    return TimelineStart(event, *encode(event, previous))


def ids_at(layout: Layout, sequence: int) -> LedgerIds:
    """The ids of the log of a folder, as of a committed event: from the newest snapshot with ids, and the segments.

    :raises LogDamaged: the beginning of a segment cannot be read. :raises OSError: a file cannot be read.
    """
    known, base = _of_snapshots(layout, sequence)
    firsts = [first for first in sorted({*layout.segments(), *layout.archived_segments()}) if first <= sequence]
    for first in reversed(firsts):
        if first <= base:
            break
        event = _first_event(layout, first)
        if event.type == LEDGER_RESTORED:
            return LedgerIds(known.ledger_id or _first_event(layout, firsts[0]).event_id, event.event_id)
    if base or not firsts:
        return known
    ledger_id = _first_event(layout, firsts[0]).event_id
    return LedgerIds(ledger_id, ledger_id)


def restore_snapshot(layout: Layout, sequence: int) -> Restored:
    """Read a snapshot, and complete the ids if an earlier version wrote it.

    They stay unknown if the beginning of a segment cannot be read: no start needs it for anything else.

    :raises NotASnapshot: see ``restore_image``, as for ``OSError``.
    """
    restored = restore_image(layout.snapshot(sequence))
    state = restored.state
    if state.ledger_id is None:
        try:
            state.ledger_id, state.timeline_id = ids_at(layout, sequence)
        except (LogDamaged, OSError) as error:
            _log.warning("the id of the ledger is not known", extra={"reason": str(error)})
    return restored


def _of_snapshots(layout: Layout, sequence: int) -> tuple[LedgerIds, int]:
    """The ids in the newest valid snapshot that has them, and its sequence; 0 without one."""
    for taken in reversed(layout.snapshot_sequences()):
        if taken <= sequence:
            path = layout.snapshot(taken)
            try:
                ids = read_start(path).ids
                if ids.ledger_id is not None:
                    check_image(path, lambda: None)
                    return ids, taken
            except (NotASnapshot, FileNotFoundError):
                continue
    return LedgerIds(), 0


def _first_event(layout: Layout, segment: int) -> Event:
    """Read the first event of a committed segment, of which only the beginning is decompressed."""
    path = layout.segment(segment)
    try:
        try:
            with open(path, "rb") as file:
                line = file.readline()
        except FileNotFoundError:
            path = layout.archived(segment)
            with gzip.open(path) as packed:
                line = packed.readline()
        return decode(line.removesuffix(b"\n")).event
    except (NotALine, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise LogDamaged(path, 1, 0, f"cannot read the first event: {error}") from error
