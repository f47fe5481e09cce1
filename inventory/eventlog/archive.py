"""The archive: sealed segments that no start needs any more, compressed, and read like any other."""

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock

from inventory.eventlog.errors import LogDamaged, SegmentMissing
from inventory.eventlog.layout import Layout
from inventory.resilience.disk import Disk, replace_file
from inventory.resilience.retry import RetryPolicy

_CHUNK = 1 << 18


def open_segment(layout: Layout, segment: int) -> int:
    """Open a segment for reading, from the archive if it is no longer in the log; return a descriptor.

    :raises SegmentMissing: it is in neither. :raises LogDamaged: its compressed copy is damaged.
    """
    try:
        return os.open(layout.segment(segment), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return _unpacked(layout, segment)


class SegmentFiles:
    """Opens segments for reading; keeps the archived segment that was decompressed last, for the next reads."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._guard, self._unpacking = Lock(), Lock()
        self._kept = (0, -1)

    def open(self, segment: int) -> int:
        """Return a descriptor, which the caller closes. Those of one segment may share their offset.

        :raises: as ``open_segment``.
        """
        descriptor = self._of_kept(segment)
        if descriptor >= 0:
            return descriptor
        with suppress(FileNotFoundError):
            return os.open(self._layout.segment(segment), os.O_RDONLY | os.O_CLOEXEC)
        # Decompressing takes half a second and the memory of a whole segment: once, for all readers.
        with self._unpacking:
            descriptor = self._of_kept(segment)
            if descriptor < 0:
                self._keep(segment, open_segment(self._layout, segment))
                descriptor = self._of_kept(segment)
        return descriptor

    def close(self) -> None:
        """Close the descriptor."""
        self._keep(0, -1)

    def _of_kept(self, segment: int) -> int:
        with self._guard:
            known, descriptor = self._kept
            return os.dup(descriptor) if known == segment and descriptor >= 0 else -1

    def _keep(self, segment: int, descriptor: int) -> None:
        with self._guard:
            if self._kept[1] >= 0:
                os.close(self._kept[1])
            self._kept = (segment, descriptor)


def move_to_archive(layout: Layout, segment: int, disk: Disk, retry: RetryPolicy) -> None:
    """Compress a sealed segment into the archive; remove it from the log when the copy is durable and read back.

    :raises OSError: the segment is still in the log.
    :raises LogDamaged: the copy is damaged; the segment is still in the log.
    """
    source, target = layout.segment(segment), layout.archived(segment)
    replace_file(target, lambda: _packed(source), disk=disk, retry=retry)
    if not _same(source, target):
        raise LogDamaged(target, 1, 0, "the compressed copy differs from the segment")
    disk.reach("in-compaction")
    source.unlink()
    disk.sync_folder(source.parent)


def unpacked_size(path: Path) -> int:
    """The size of an archived segment before it was compressed, below 4 GiB."""
    # RFC 1952 section 2.3.1: the last four bytes of a gzip file.
    return int.from_bytes(path.read_bytes()[-4:], "little")


def _packed(source: Path) -> Iterator[bytes]:
    # wbits 31: a gzip file with one member; always the same bytes.
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    with open(source, "rb") as file:
        while data := file.read(_CHUNK):
            if packed := packer.compress(data):
                yield packed
    yield packer.flush()


def _same(source: Path, target: Path) -> bool:
    with open(source, "rb") as plain, gzip.open(target) as packed:
        while data := plain.read(_CHUNK):
            if packed.read(len(data)) != data:
                return False
        return not packed.read(1)


def _unpacked(layout: Layout, segment: int) -> int:
    archived = layout.archived(segment)
    # In memory, not in the folder, which may be full, or belong to a backup.
    descriptor = os.memfd_create(archived.name, os.MFD_CLOEXEC)
    try:
        with gzip.open(archived) as packed, open(descriptor, "wb", closefd=False) as plain:
            while data := packed.read(_CHUNK):
                plain.write(data)
    except FileNotFoundError:
        os.close(descriptor)
        following = [first for first in (*layout.segments(), *layout.archived_segments()) if first > segment]
        last, reason = min(following) - 1 if following else None, "this part of the log is missing"
        raise SegmentMissing(layout.segment(segment), 1, 0, reason, segment, last) from None
    except (OSError, EOFError, zlib.error) as error:
        os.close(descriptor)
        raise LogDamaged(archived, 1, 0, f"cannot decompress this part of the archive: {error}") from error
    return descriptor
