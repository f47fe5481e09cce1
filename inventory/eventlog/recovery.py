"""What a starting server does to a log before anybody uses it. No worker ever does it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from inventory.eventlog.append_lock import AppendLock
from inventory.eventlog.errors import LogDamaged, LogError
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import NotALine, decode
from inventory.eventlog.machine import Machine
from inventory.eventlog.reader import START, Cursor, LogReader
from inventory.eventlog.shared_state import Position, SharedState
from inventory.eventlog.tail import NotATail, check_tail, cut_tail
from inventory.resilience.disk import Disk

Progress = Callable[[int, int], None]
_LOCK_SECONDS = 15.0


class Recovery(NamedTuple):
    """What was found. ``cut`` is the copy of a tail that was cut off, or ``None``."""

    end: Position
    cut: Path | None


class LockHeld(LogError):
    """A process on this folder has kept the append lock for too long."""


def recover(layout: Layout, disk: Disk, machine: Machine, progress: Progress = lambda _done, _all: None) -> Recovery:
    """Leave a log that is whole, durable and published to its end, or as it was.

    Every line's chain is checked. A tail that was never synced is cut off, a copy kept. After a failed
    sync what is not known to be durable is written again, in place, and synced.

    :raises LogDamaged: anything else is wrong; nothing was changed.
    :raises LockHeld: a process keeps the append lock.
    :raises OSError: the folder or the disk does not allow it.
    """
    layout.make_folders()
    lock, shared = AppendLock(layout.append_lock), SharedState(layout.shared_state)
    try:
        with _held(lock):
            recovery = _recover(layout, shared, disk, machine, progress)
            shared.forget_views()
            return recovery
    finally:
        shared.close()
        lock.close()


def _recover(layout: Layout, shared: SharedState, disk: Disk, machine: Machine, progress: Progress) -> Recovery:
    if not layout.segments():
        _begin(layout, shared, disk)
    durable = shared.durable if shared.is_made else 0
    intact = shared.belongs_to(machine.boot_id()) and not shared.failed
    reader = LogReader(layout, _first(layout))
    try:
        known, cut = _read_and_cut(reader, layout, shared if intact else None, durable, disk, progress)
        end = reader.cursor.position
        if end.sequence < durable:
            raise reader.damaged(f"the log ends at event {end.sequence}; event {durable} was durable. {_RESTORED}")
        last_at = _last_instant(reader, layout)
    finally:
        reader.close()
    rewrite_from = (known.offset if known.segment == end.segment else 0) if shared.failed else None
    _make_durable(layout.segment(end.segment), disk, rewrite_from)
    disk.sync_folder(layout.events)
    if intact:
        shared.publish(end)
        shared.raise_durable(end.sequence)
    else:
        since_boot = machine.since_boot()
        shared.make(machine.boot_id(), end, max(machine.wall(), last_at) - since_boot)
    return Recovery(end, cut)


_RESTORED = "If a backup was restored on purpose, delete the file locks/state and start again"


def _begin(layout: Layout, shared: SharedState, disk: Disk) -> None:
    if shared.is_made and shared.durable > 0:
        raise LogDamaged(layout.segment(1), 1, 0, f"the log is gone; event {shared.durable} was durable. {_RESTORED}")
    with disk.create(layout.segment(1)):
        disk.sync_folder(layout.events)


def _first(layout: Layout) -> Cursor:
    if layout.segments()[0] != 1:
        raise LogDamaged(layout.segment(1), 1, 0, "the beginning of the log is missing")
    return START


def _read_and_cut(
    reader: LogReader, layout: Layout, running: SharedState | None, durable: int, disk: Disk, progress: Progress
) -> tuple[Position, Path | None]:
    """Check every line, and cut off what was never synced behind the last good one.

    :param running: the marks, if what they say is published cannot have been lost.
    :returns: where the events end that are known to be durable, and the copy of what was cut off.
    """
    segments = layout.segments()
    sizes = {segment: layout.segment(segment).stat().st_size for segment in segments}
    done, everything = 0, sum(sizes.values())
    newest = segments[-1]
    # The last sequence of all but the newest segment is the next one's name, so a missing one shows.
    end = Position(newest, sizes[newest], 0)
    known = reader.cursor.position
    try:
        for line in reader.read_to(end):
            done += len(line.data) + 1
            progress(done, everything)
            if reader.cursor.position.sequence <= durable:
                known = reader.cursor.position
    except LogDamaged as error:
        here = reader.cursor.position
        if here.segment != newest or error.path != layout.segment(newest):
            raise
        if running is not None and here.offset < _published_in(running, newest):
            raise
        return known, _cut(reader, layout, durable, disk, error)
    return known, None


def _published_in(shared: SharedState, segment: int) -> int:
    published = shared.published()
    return published.offset if published.segment == segment else 0


def _cut(reader: LogReader, layout: Layout, durable: int, disk: Disk, damage: LogDamaged) -> Path:
    here = reader.cursor.position
    path = layout.segment(here.segment)
    with open(path, "rb") as file:
        file.seek(here.offset)
        rest = file.read()
    try:
        check_tail(rest, here.sequence + 1, durable)
    except NotATail as reason:
        raise LogDamaged(path, damage.line, here.offset, str(reason)) from damage
    return cut_tail(path, here.offset, disk)


def _last_instant(reader: LogReader, layout: Layout) -> int:
    """The instant of the last event, 0 for an empty log. The clock must not begin below it."""
    segments = [segment for segment in layout.segments() if layout.segment(segment).stat().st_size]
    if not segments:
        return 0
    data = layout.segment(segments[-1]).read_bytes()
    begin = data.rfind(b"\n", 0, -1) + 1
    try:
        return decode(data[begin:-1]).event.at
    except NotALine as error:
        raise LogDamaged(layout.segment(segments[-1]), data.count(b"\n"), begin, str(error)) from error


def _make_durable(path: Path, disk: Disk, rewrite_from: int | None) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        if rewrite_from is not None:
            # After a failed sync the pages count as clean: only writing them again, on the same inode,
            # makes them go to disk.
            rest = os.pread(descriptor, os.fstat(descriptor).st_size - rewrite_from, rewrite_from)
            os.lseek(descriptor, rewrite_from, os.SEEK_SET)
            disk.write(descriptor, rest)
        disk.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _held(lock: AppendLock) -> Iterator[None]:
    if not lock.enter_within(_LOCK_SECONDS):
        raise LockHeld(f"a process has kept the append lock for {_LOCK_SECONDS:.0f} s; is one of its kind frozen?")
    try:
        yield
    finally:
        lock.__exit__(None, None, None)
