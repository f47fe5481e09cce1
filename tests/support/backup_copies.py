"""Backups of a folder under test, and what is in them by their manifests."""

import gzip
import itertools
from contextlib import closing
from pathlib import Path

from inventory.backup.copy import Copy
from inventory.backup.manifest import BackupLayout, Manifest, file_hash, read_manifest
from inventory.eventlog.layout import Layout
from inventory.eventlog.ledger import FileLedger
from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy
from support.folder import Folder, Shim, add

QUICK = RetryPolicy(sleep=lambda _: None)


def copying(folder: Folder, target: Path, disk: Disk | None = None) -> Copy:
    """A copy to which everything that it does takes a second."""
    return Copy(folder.layout, target, disk or Shim(), folder.machine, QUICK, itertools.count().__next__)


def copied(folder: Folder, target: Path, disk: Disk | None = None) -> Manifest:
    """One pass."""
    with closing(copying(folder, target, disk)) as copy:
        return copy.run()


def log_of(target: Path) -> bytes:
    """The lines of a backup, each file of which is what its manifest says."""
    manifest = read_manifest(target)
    parts = []
    for file in manifest.files:
        content = BackupLayout(target).path(file).read_bytes()[: file.size]
        digest = file_hash()
        digest.update(content)
        assert (len(content), digest.hexdigest()) == (file.size, file.blake2b), file
        if file.kind == "segment":
            parts.append(gzip.decompress(content) if file.packed else content)
    log = b"".join(parts)
    assert log.count(b"\n") == manifest.last - manifest.first + 1
    return log


def log_in(layout: Layout) -> bytes:
    """The whole log of a data folder, with its archive."""
    parts = {first: gzip.decompress(layout.archived(first).read_bytes()) for first in layout.archived_segments()}
    parts |= {first: layout.segment(first).read_bytes() for first in layout.segments()}
    return b"".join(content for _, content in sorted(parts.items()))


def files_of(target: Path) -> dict[str, bytes]:
    """Every file in a backup folder, by its path."""
    return {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}


def more(ledger: FileLedger, many: int = 5) -> None:
    for _ in range(many):
        add(ledger)
