"""Logs that were restored, and folders that a version without timelines has written."""

from hashlib import blake2b

import orjson

from inventory.domain.values import Instant
from inventory.eventlog.layout import Layout
from inventory.eventlog.log_reader import Cursor
from inventory.eventlog.snapshot import footer
from inventory.eventlog.timeline import TimelineStart, timeline_start
from support.given import START


def begin_timeline(layout: Layout, end: Cursor, at: int = START) -> TimelineStart:
    """Continue a log that no process uses, as a restore does."""
    sequence = end.position.sequence + 1
    begun = timeline_start(sequence, end.chain, Instant(at), node="node-1", reason="from a test")
    layout.segment(sequence).write_bytes(begun.line)
    return begun


def without_ids(layout: Layout, sequence: int) -> None:
    """Write a snapshot as a version without timelines writes it."""
    path = layout.snapshot(sequence)
    header, *lines = path.read_bytes().splitlines(keepends=True)
    fields = orjson.loads(header)
    del fields["ledgerId"], fields["timelineId"]
    content, digest = [orjson.dumps(fields) + b"\n", *lines[:-1]], blake2b(digest_size=16)
    for line in content:
        digest.update(line)
    path.write_bytes(b"".join(content) + footer(lines[-1][: lines[-1].find(b",")], digest))
