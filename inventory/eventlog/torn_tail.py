"""The end of the newest segment after a crash or a power cut: what may be cut off, and what may not.

Pages of a commit group that was never flushed reach the disk in any order, so the end of the log may contain NULs where
a page is missing, complete lines of the same group after them, and an incomplete line. No client got a confirmation for
such a tail; it is cut off, and a copy kept. Three signs distinguish it from damage to flushed lines: the first bad line
is incomplete or contains NUL, no complete line after it says that its sequence was already durable, and the shared
header does not say so either. Everything else is damage.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import orjson

from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.shared_header import Position
from inventory.resilience.disk import Disk


class NotATail(Exception):
    """The rest is damaged and must not be cut off; the message says why."""


def check_tail(rest: bytes, sequence: int, durable: int) -> None:
    """Check that ``rest``, which begins with what should be the line ``sequence``, may be cut off.

    :param durable: the highest durable sequence in the shared header.
    :raises NotATail: it may not be cut off.
    """
    first, line_feed, _ = rest.partition(b"\n")
    if line_feed and b"\0" not in first:
        raise NotATail("the line is complete, but its hash does not match")
    if durable >= sequence:
        raise NotATail(f"event {sequence} was durable, but is missing")
    for line in _whole_lines(rest):
        claimed = line.get("synced")
        if isinstance(claimed, int) and claimed >= sequence:
            raise NotATail(f"event {sequence} was durable (event {line.get('sequence')} says so), but is damaged")


def require_tail(damage: LogDamaged, end: Position, durable: int) -> None:
    """Check that everything after ``end``, the end of the valid lines of a damaged segment, may be cut off.

    :param durable: see ``check_tail``.
    :raises LogDamaged: it may not be cut off.
    """
    with open(damage.path, "rb") as file:
        file.seek(end.offset)
        rest = file.read()
    try:
        check_tail(rest, end.sequence + 1, durable)
    except NotATail as reason:
        raise LogDamaged(damage.path, damage.line, end.offset, str(reason)) from damage


def cut_tail(segment: Path, offset: int, disk: Disk) -> Path:
    """Copy everything after ``offset`` to a file beside the log, make the copy durable, and cut it off.

    :returns: the copy.
    :raises OSError: nothing was cut.
    """
    copy = _free_name(segment, offset)
    with open(segment, "rb") as file:
        file.seek(offset)
        rest = file.read()
    with disk.create(copy) as kept:
        disk.write(kept.fileno(), rest)
        disk.fsync(kept.fileno())
    disk.sync_folder(segment.parent)
    descriptor = os.open(segment, os.O_RDWR | os.O_CLOEXEC)
    try:
        disk.truncate(descriptor, offset)
    finally:
        os.close(descriptor)
    return copy


def _whole_lines(rest: bytes) -> Iterator[dict[str, object]]:
    for piece in rest.split(b"\n")[:-1]:
        # A lost page has an end: a complete line may follow its last NUL.
        try:
            line = orjson.loads(piece.rsplit(b"\0", 1)[-1])
        except orjson.JSONDecodeError:
            continue
        if isinstance(line, dict):
            yield line


def _free_name(segment: Path, offset: int) -> Path:
    copy, number = segment.with_name(f"{segment.name}.cut-at-{offset}"), 1
    while copy.exists():
        number += 1
        copy = segment.with_name(f"{segment.name}.cut-at-{offset}-{number}")
    return copy
