"""Recovery: what a starting server does to a log before any process uses it. Workers never do it."""

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from inventory.eventlog.append_lock import AppendLock
from inventory.eventlog.errors import EventsMissing, LockHeld, LogDamaged, StateUnusable
from inventory.eventlog.folder_watch import FolderWatch
from inventory.eventlog.layout import Layout
from inventory.eventlog.log_check import LogCheck, Progress
from inventory.eventlog.published_views import published_sequence
from inventory.eventlog.replica import gc_paused
from inventory.eventlog.shared_header import Position, SharedHeader
from inventory.eventlog.snapshot import Restored
from inventory.eventlog.snapshot_folder import SnapshotFolder
from inventory.eventlog.torn_tail import cut_tail, require_tail
from inventory.resilience.disk import Disk
from inventory.resilience.host_clock import HostClock
from inventory.resilience.retry import RetryPolicy

_LOCK_SECONDS = 15.0


class Recovery(NamedTuple):
    """The result of a recovery.

    :ivar cut: the copy of a tail that was cut off, or ``None``.
    :ivar ahead_ms: how far the time of the next event is ahead of the wall clock.
    :ivar folded: the fold of the log, which the next ledger takes as its state.
    :ivar was_unconfirmed: whether the shared header proves that no client had a confirmation of what was cut off. It
        does not if it is of another boot, or missing: a copy of a folder may end anywhere.
    """

    end: Position
    cut: Path | None
    ahead_ms: int
    folded: Restored
    was_unconfirmed: bool = False


def recover(layout: Layout, disk: Disk, machine: HostClock, progress: Progress = lambda _done, _all: None) -> Recovery:
    """Leave a log that is valid, durable and committed to its end; on an error, leave it unchanged.

    The chain of every line after the newest snapshot is checked, or of all lines without a snapshot. A torn tail that
    was never flushed is cut off, and a copy kept. After a failed flush, whatever is not known to be durable is written
    again, in place, and flushed.

    :param progress: called with the bytes checked and the bytes in total.
    :raises LogDamaged: any other damage; nothing was changed. :raises EventsMissing: see there.
    :raises LockHeld: another process keeps the append lock.
    :raises OSError: the folder or the disk does not allow it.
    """
    layout.make_folders()
    # A confirmed event is useless in a folder whose own name did not survive the power cut.
    disk.sync_folder(layout.root)
    lock, shared = AppendLock(layout.append_lock, layout.events), SharedHeader(layout.shared_header, create=True)
    durable = max(shared.durable if shared.is_made else 0, published_sequence(layout))
    with closing(lock), closing(shared), gc_paused():
        base = SnapshotFolder(layout, disk, RetryPolicy()).base_of_start
        with closing(LogCheck(layout, base, progress)) as check:
            if layout.segments():
                check.require_in_place()
            if _is_intact(shared, machine) and shared.published().sequence > check.end.sequence:
                # Servers may be running: they must not wait for the lock until a long log is read. A committed index
                # before the snapshot is stale; then the end of the log counts.
                _read_published(layout, check, shared.published())
            with _held(lock, FolderWatch(shared, lock)):
                return _recover(layout, shared, check, durable, disk, machine)


def _recover(
    layout: Layout, shared: SharedHeader, check: LogCheck, durable: int, disk: Disk, machine: HostClock
) -> Recovery:
    if not layout.segments():
        # The end of the snapshot, if there is one: it was durable too.
        _begin(layout, max(durable, check.end.sequence), disk)
    intact, cut = _is_intact(shared, machine), None
    newest = layout.segments()[-1]
    try:
        check.read_to(Position(newest, layout.segment(newest).stat().st_size, 0))
    except LogDamaged as damage:
        lost = intact and check.end.sequence < shared.published().sequence
        if lost or damage.path != layout.segment(newest):
            raise
        check.last_instant()
        require_tail(damage, check.end, durable)
        cut = cut_tail(damage.path, check.end.offset, disk)
    end = check.end
    if end.sequence < durable:
        raise check.missing(durable, f"the log ends at event {end.sequence}, but event {durable} was durable")
    last_at = check.last_instant()
    try:
        path = layout.segment(newest)
        _make_durable(path, disk, _offset_behind(path, durable - newest + 1) if shared.failed else None)
    except OSError:
        # A second flush would report success: the next start has to write again.
        shared.fail()
        raise
    disk.sync_folder(layout.events)
    if intact and shared.failed:
        raise OSError("a flush of the event log failed in the meantime; start again")
    if intact:
        shared.publish(end)
        shared.raise_durable(end.sequence)
    else:
        # The wall clock is read once for each boot, however often a server starts.
        known = shared.belongs_to(machine.boot_id())
        clock_offset = shared.clock_offset if known else max(machine.wall(), last_at) - machine.since_boot()
        shared.make(machine.boot_id(), end, clock_offset)
    now = max(shared.clock_offset + machine.since_boot(), last_at)
    return Recovery(end, cut, (now - machine.wall()) // 1000, check.folded(), was_unconfirmed=intact)


def _read_published(layout: Layout, check: LogCheck, published: Position) -> None:
    try:
        check.read_to(published)
    except EventsMissing as error:
        raise error.up_to(published.sequence) from error
    except LogDamaged as damage:
        size = damage.path.stat().st_size
        if damage.path == layout.segment(published.segment) and size < published.offset:
            reason = f"the file has {size:,} of {published.offset:,} bytes"
            raise check.missing(published.sequence, reason) from damage
        raise


def _is_intact(shared: SharedHeader, machine: HostClock) -> bool:
    """Whether the committed part of the log cannot have been lost, by the shared header."""
    if not shared.belongs_to(machine.boot_id()) or shared.failed:
        return False
    try:
        shared.published()
    except StateUnusable:
        return False  # damaged: it is made again from the log
    return True


def _begin(layout: Layout, durable: int, disk: Disk) -> None:
    if durable > 0:
        first = min(layout.archived_segments(), default=1)
        reason = f"the log is gone, but event {durable} was durable"
        raise EventsMissing(layout.segment(first), 1, 0, reason, first, durable)
    with disk.create(layout.segment(1)):
        disk.sync_folder(layout.events)


def _offset_behind(path: Path, lines: int) -> int:
    with open(path, "rb") as file:
        for _ in range(lines):
            file.readline()
        return file.tell()


def _make_durable(path: Path, disk: Disk, rewrite_from: int | None) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        if rewrite_from is not None:
            # After a failed flush the kernel considers the pages clean: only writing them again, to the same inode,
            # gets them to disk.
            rest = os.pread(descriptor, os.fstat(descriptor).st_size - rewrite_from, rewrite_from)
            os.lseek(descriptor, rewrite_from, os.SEEK_SET)
            disk.write(descriptor, rest)
        disk.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _held(lock: AppendLock, watch: FolderWatch) -> Iterator[None]:
    def pause(seconds: float) -> None:
        watch.look()
        time.sleep(seconds)

    if not lock.enter_within(_LOCK_SECONDS, pause):
        raise LockHeld(
            f"another process has held the append lock for {_LOCK_SECONDS:.0f} s; look for a stopped process"
        )
    try:
        yield
    finally:
        lock.__exit__(None, None, None)
