"""Backups and what they are made of: a log with every kind of change, and its copy with a manifest."""

import gzip
import json
from contextlib import closing
from pathlib import Path
from typing import Any

from inventory.backup.copy import Copy
from inventory.backup.manifest import BackupFile, BackupLayout, Manifest, file_hash, write_manifest
from inventory.backup.restore import RestoredLedger, restore
from inventory.backup.restore_plan import Until, plan_restore
from inventory.domain.commands import AdjustStock, CountStock, WantedLine
from inventory.domain.events import Event
from inventory.domain.hold_commands import AtomicBatch, CommitHold, ExtendHold, HoldStock, ReleaseHold
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.state import State, fold
from inventory.domain.values import Instant, ItemId
from inventory.eventlog.layout import Layout
from inventory.eventlog.ledger import FileLedger
from inventory.eventlog.line import GENESIS, decode, next_chain
from inventory.eventlog.log_reader import LogReader
from inventory.eventlog.shared_header import Position
from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy
from inventory.service.ports.change_queue import Submission
from support.folder import Folder, Shim
from support.given import START, deciding, item
from support.holds_on_folder import do

A, B = item("a"), item("b", "store-2")
SMALL = 2048
SECOND = 1_000_000


def traffic(folder: Folder, ledger: FileLedger, rounds: int = 4) -> None:
    """Counts, adjusts with keys, batches and holds in every state; a second passes between the rounds."""
    for number in range(ledger.status().sequence, ledger.status().sequence + rounds):
        do(ledger, CountStock(A, 1000))
        do(ledger, CountStock(B, 1000))
        sell = AdjustStock(A, -1)
        ledger.submit(sell.entities, deciding(sell), IdempotencyKey(f"sell-{number}", "hash")).wait()
        lines = (WantedLine(A, 3), WantedLine(B, 2))
        for name, ttl_ms in (("open", None), ("partly", 90_000), ("released", 90_000), ("due", 1500)):
            do(ledger, HoldStock(f"{name}-{number}", lines, ttl_ms))
        do(ledger, CommitHold(f"partly-{number}", (A, B), (WantedLine(A, 1),)))
        do(ledger, ExtendHold(f"partly-{number}", 120_000))
        do(ledger, ReleaseHold(f"released-{number}", (A, B)))
        whole = AtomicBatch((AdjustStock(A, 5), AdjustStock(B, -5)))
        ledger.submit(whole.entities, deciding(whole), IdempotencyKey(f"atomic-{number}", "hash")).wait()
        parts = [_part(at, number, place) for place, at in enumerate((A, B))]
        for ticket in ledger.submit_all(parts, IdempotencyKey(f"batch-{number}", "hash")):
            ticket.wait()
        folder.machine.up += SECOND


def _part(at: ItemId, number: int, place: int) -> Submission:
    adjust = AdjustStock(at, -2)
    key = IdempotencyKey(f"batch-{number}/{place}", "hash", f"batch-{number}")
    return Submission(adjust.entities, deciding(adjust), key)


def compacted(folder: Folder) -> FileLedger:
    """A log whose beginning is in the archive, with two snapshots and a part after them."""
    ledger = folder.start(segment_bytes=SMALL)
    for _ in range(2):
        traffic(folder, ledger, 2)
        ledger.log_maintenance.take_snapshot()
    folder.machine.up += 61 * SECOND
    assert ledger.log_maintenance.compact() >= 2
    traffic(folder, ledger, 2)
    return ledger


def copy_now(layout: Layout, target: Path) -> Manifest:
    """Back up a folder as ``inventory backup`` does."""
    with closing(Copy(layout, target, Shim())) as copy:
        return copy.run()


def copied(layout: Layout, target: Path) -> Manifest:
    """Make a backup of everything in a folder by hand: also of all snapshots, and of segments in any form."""
    backup = BackupLayout(target)
    for folder in (backup.segments, backup.snapshots):
        folder.mkdir(parents=True)
    files, event, chain = list[BackupFile](), None, GENESIS
    for number in sorted({*layout.segments(), *layout.archived_segments()}):
        packed = layout.archived(number).exists()
        content = (layout.archived(number) if packed else layout.segment(number)).read_bytes()
        lines = (gzip.decompress(content) if packed else content).splitlines()
        before = chain
        for line in lines:
            chain = next_chain(line, chain)
        if lines:
            event = decode(lines[-1]).event
            files.append(_file("segment", number, event.sequence, content, before, chain, packed))
            backup.path(files[-1]).write_bytes(content)
    for sequence in layout.snapshot_sequences():
        content = layout.snapshot(sequence).read_bytes()
        header = json.loads(content.partition(b"\n")[0])
        files.append(_file("snapshot", 1, sequence, content, GENESIS, bytes.fromhex(header["chain"]), packed=False))
        backup.path(files[-1]).write_bytes(content)
    ledger_id = events_of(layout)[0].event_id if event else None
    manifest = Manifest(ledger_id, ledger_id, event and event.at, START, "0.3.0", tuple(files))
    write_manifest(target, manifest, Disk(), RetryPolicy())
    return manifest


def _file(kind: Any, first: int, last: int, content: bytes, before: bytes, chain: bytes, packed: bool) -> BackupFile:
    digest = file_hash()
    digest.update(content)
    return BackupFile(kind, first, last, len(content), digest.hexdigest(), before, chain, packed)


def events_of(layout: Layout) -> list[Event]:
    """All events of a folder, also those in the archive."""
    return [decode(line).event for line, _ in _lines(layout)]


def folded(layout: Layout, sequence: int | None = None) -> State:
    """The fold of the log up to a sequence."""
    state = State()
    for line, place in _lines(layout):
        event = decode(line).event
        if sequence is None or event.sequence <= sequence:
            fold(state, event, place)
    return state


def _lines(layout: Layout) -> list[tuple[bytes, int]]:
    newest = layout.segments()[-1]
    reader = LogReader(layout)
    found = list(reader.read_to(Position(newest, layout.segment(newest).stat().st_size, 0)))
    reader.close()
    return found


def known(state: State) -> tuple[object, ...]:
    """Everything that a state says of stock, holds, keys and central view, apart from where events are in files."""
    keys = {(entry.digest, entry.ends) for entry in state.keys.copy().entries()}
    return (
        state.records,
        state.broken,
        list(state.reservations.copy()),
        keys,
        state.central(),
        state.running_totals(),
    )


EVERYTHING = Until()


def restored(
    backup: Path, target: Layout, until: Until = EVERYTHING, *, now: int = START, disk: Disk | None = None
) -> RestoredLedger:
    """Restore a backup, at an instant."""
    plan = plan_restore(backup, until, Instant(now))
    return restore(plan, target, Instant(now), "node-2", disk or Shim())
