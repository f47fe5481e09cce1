"""What of a backup is proven: every file by its size and hash, and every event by the chain of hashes."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from inventory.backup.manifest import BackupError, BackupFile, BackupLayout, Manifest, file_hash, read_manifest
from inventory.eventlog.line import GENESIS, NotALine, decode, next_chain, stored_chain
from inventory.eventlog.snapshot import NotASnapshot, check_image

Progress = Callable[[int, int], None]
"""Called with the bytes checked and the bytes in total."""
_CHUNK = 1 << 20


class Damage(NamedTuple):
    """A file of a backup that is not what the manifest says.

    :ivar first: the first event that is lost with it. :ivar last: the last one; less than ``first`` if none is lost.
    """

    path: Path
    reason: str
    first: int
    last: int

    @property
    def lost(self) -> int:
        """The number of events that are lost with it."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}; {_lost(self.first, self.last)}"


def _lost(first: int, last: int) -> str:
    if last < first:
        return "no event is lost"
    return f"event {first} is lost" if first == last else f"{last - first + 1:,} events are lost, {first} to {last}"


class Proof(NamedTuple):
    """What is proven.

    :ivar last: the event up to which every one is proven, from the first one of the backup on; less than that one if
        none is. :ivar chain: its chain.
    :ivar snapshots: the sequences of the valid snapshots, ascending.
    :ivar damage: the files that are not what the manifest says.
    """

    last: int
    chain: bytes
    snapshots: list[int]
    damage: list[Damage]


def prove(root: Path, manifest: Manifest, progress: Progress = lambda _done, _all: None) -> Proof:
    """Compare every file of a backup with its manifest. Changes nothing; damage raises nothing.

    Another process may extend the backup meanwhile: what this manifest names stays, apart from snapshots.

    :raises OSError: a file is there, and cannot be read.
    """
    layout, report = BackupLayout(root), _Report(manifest, progress)
    (last, chain), is_unbroken = (manifest.first - 1, GENESIS), True
    snapshots, damage = list[int](), list[Damage]()
    chains = dict[int, bytes | None].fromkeys((file.last for file in manifest.snapshots), None)
    for file in manifest.segments:
        reached, reason = _read_segment(layout.path(file), file, manifest.ledger_id, chains, report)
        if reason is not None:
            damage.append(Damage(layout.path(file), reason, reached[0] + 1, file.last))
        if is_unbroken:
            (last, chain), is_unbroken = reached, reached[0] == file.last
    for file in manifest.snapshots:
        try:
            reason = _snapshot_reason(layout.path(file), file, chains[file.last], report)
        except FileNotFoundError:
            reason = "is missing"
        if reason is None:
            snapshots.append(file.last)
        elif not _was_replaced(root, file):
            damage.append(Damage(layout.path(file), reason, 1, 0))
    return Proof(last, chain, snapshots, damage)


def why_nothing(root: Path, manifest: Manifest) -> str | None:
    """Why a backup has no event although its ledger has; ``None`` if it has one, or was made from an empty log."""
    if manifest.segments or manifest.ledger_id is None:
        return None
    return (
        f"{root} has no event of ledger {manifest.ledger_id} yet: the first 'inventory backup' to it did not finish, or"
        " is at work"
    )


class Undecompressable(Exception):
    """The compressed bytes of a segment are damaged."""


def segment_lines(path: Path, file: BackupFile) -> Iterator[bytes]:
    """Yield the lines of a segment of a backup, uncompressed, with their line feeds. The last one may be incomplete.

    :raises Undecompressable: the rest cannot be read. :raises OSError: the file cannot be read.
    """
    with open(path, "rb") as plain:
        if not file.packed:
            left = file.size
            for line in plain:
                yield line[:left]
                left -= len(line)
                if left <= 0:
                    return
            return
        try:
            yield from gzip.GzipFile(fileobj=io.BytesIO(plain.read(file.size)))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise Undecompressable(f"cannot be decompressed: {error}") from error


def proven_lines(path: Path, file: BackupFile, last: int) -> Iterator[bytes]:
    """``segment_lines`` up to the event ``last``, which is proven: what follows in the file may be damaged."""
    return islice(segment_lines(path, file), min(file.last, last) - file.first + 1)


class _Report:
    """Reports progress: every file is read once for its hash, and a segment a second time for its chain."""

    def __init__(self, manifest: Manifest, progress: Progress) -> None:
        self._progress = progress
        self._done = 0
        self._total = sum(file.size for file in (*manifest.files, *manifest.segments))

    def add(self, size: int) -> None:
        self._done += size
        self._progress(self._done, self._total)


def _read_segment(
    path: Path, file: BackupFile, ledger_id: str | None, chains: dict[int, bytes | None], report: _Report
) -> tuple[tuple[int, bytes], str | None]:
    """Read a segment up to its first bad line; return the last good one with its chain, and what is wrong.

    :param chains: gets the chains of the events that it has as keys.
    """
    begin = sequence, chain = file.first - 1, file.chain_before or GENESIS
    reason = _file_reason(path, file, report)
    if reason is not None and not path.is_file():
        return begin, reason
    try:
        for line in segment_lines(path, file):
            body = line.removesuffix(b"\n")
            if body == line:
                raise NotALine("the last line is incomplete")
            # If the line before the first one was deleted before it could be copied, its chain is not known.
            is_known = file.chain_before is not None or sequence >= file.first
            chain = next_chain(body, chain) if is_known else stored_chain(body, chain)
            if sequence == 0 and decode(body).event.event_id != ledger_id:
                raise NotALine("this is another ledger")
            sequence += 1
            if sequence in chains:
                chains[sequence] = chain
    except NotALine as error:
        reason = f"{reason or 'is damaged'} (line {sequence - file.first + 2}: {error})"
    except Undecompressable as error:
        reason = f"{reason or 'is damaged'} ({error})"
    report.add(file.size)
    if sequence >= file.last and (sequence, chain) != (file.last, file.chain):
        # A valid log, but another one: none of its events is proven.
        return begin, f"{reason or 'is damaged'} (it is a part of another log)"
    if sequence < file.last and reason is None:
        reason = f"ends at event {sequence}"
    return (sequence, chain), reason


def _snapshot_reason(path: Path, file: BackupFile, chain: bytes | None, report: _Report) -> str | None:
    """What is wrong with a snapshot. :param chain: of its event in the log, if that is there."""
    reason = _file_reason(path, file, report)
    if reason is None:
        try:
            check_image(path, lambda: None)
        except NotASnapshot as error:
            reason = str(error)
    if reason is None and chain is not None and file.chain != chain:
        reason = "was not made from the log of this backup"
    return reason


def _was_replaced(root: Path, snapshot: BackupFile) -> bool:
    """Whether a copy that runs meanwhile has put a newer snapshot in the place of this one."""
    try:
        return snapshot not in read_manifest(root).files
    except BackupError:
        return False


def _file_reason(path: Path, file: BackupFile, report: _Report) -> str | None:
    """What is wrong with the size or the hash of a file; ``None`` if nothing is."""
    digest, left = file_hash(), file.size
    if not path.is_file():
        report.add(left)
        return "is missing"
    with open(path, "rb") as stream:
        while left and (data := stream.read(min(left, _CHUNK))):
            digest.update(data)
            left -= len(data)
            report.add(len(data))
    if left:
        report.add(left)
        return f"has {file.size - left:,} of {file.size:,} bytes"
    return None if digest.hexdigest() == file.blake2b else "is not what was copied: its hash does not match"
