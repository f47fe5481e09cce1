"""Reservations in logs and snapshots of the formats before."""

from hashlib import blake2b
from pathlib import Path

import orjson
import pytest
from support.folder import Folder
from support.given import START, all_stock
from support.holds_on_folder import BOTH, A, do, everything, one_of_each, restarted

from inventory.domain.commands import CountStock, WantedLine
from inventory.domain.hold_commands import CommitHold, HoldStock
from inventory.domain.reservation import HeldLine, Reservation
from inventory.eventlog.line import GENESIS, decode
from inventory.eventlog.snapshot import footer


def test_a_snapshot_of_an_older_format_is_not_used(folder: Folder):
    ledger = one_of_each(folder)
    before = everything(ledger)
    path = folder.layout.snapshot(ledger.log_maintenance.take_snapshot())
    header, *lines, end = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(b'{"reservations"')]
    dropped = sum(len(orjson.loads(line)["reservations"]) for line in lines if line not in kept)
    # Whole, as its release wrote it: nothing but its format says that holds are missing from it.
    body = b"".join((header.replace(b'{"snapshot":3,', b'{"snapshot":1,'), *kept))
    count = b'{"count":%d' % (orjson.loads(end)["count"] - dropped)
    path.write_bytes(body + footer(count, blake2b(body, digest_size=16)))
    assert everything(restarted(folder)) == before


def as_the_version_before_wrote_it(path: Path, newer_format: int | None) -> None:
    """Write a snapshot in format 2: with the lines of ended reservations, here as if they had been others."""
    header, *lines, end = path.read_bytes().splitlines(keepends=True)
    fields = orjson.loads(header) | {"snapshot": 2, "newerFormat": newer_format}
    body = orjson.dumps(fields) + b"\n"
    for line in lines:
        parsed = orjson.loads(line)
        for _, _, held in parsed.get("reservations", ()):
            if "lineCount" in held:
                held["lines"] = [LINE_OF_A | {"committed": 3 * (held["state"] == "committed"), "released": 0}]
                held["lines"] *= held["lineCount"]
            for name in ("lineCount", "state", "linesAt", "steps"):
                held.pop(name, None)
        body += orjson.dumps(parsed) + b"\n"
    count = b'{"count":%d' % orjson.loads(end)["count"]
    path.write_bytes(body + footer(count, blake2b(body, digest_size=16)))


LINE_OF_A = {"storeId": A.store, "sku": A.sku, "qty": 3}


@pytest.mark.parametrize("met_newer_lines", [False, True])
def test_a_snapshot_of_the_version_before_is_used_unless_its_program_met_lines_that_it_did_not_know(
    folder: Folder, met_newer_lines: bool
):
    ledger = one_of_each(folder)
    sequence = ledger.log_maintenance.take_snapshot()
    before = [ledger.reservation(name) for name in ("committed", "released", "expired")]
    folder.close()
    as_the_version_before_wrote_it(folder.layout.snapshot(sequence), sequence if met_newer_lines else None)
    ledger = folder.start()
    assert ledger.log_maintenance.whole_snapshots() == ([] if met_newer_lines else [sequence])
    assert [ledger.reservation(name) for name in ("committed", "released", "expired")] == before
    assert do(ledger, CommitHold("later", BOTH)).event.reservation.state == "committed"


def test_without_the_beginning_of_the_log_a_snapshot_of_the_version_before_is_started_from(folder: Folder):
    ledger = one_of_each(folder)
    sequence = ledger.log_maintenance.take_snapshot()
    before = all_stock(ledger)
    folder.close()
    as_the_version_before_wrote_it(folder.layout.snapshot(sequence), None)
    log = folder.layout.segment(1)
    log.write_bytes(b"X" + log.read_bytes()[1:])
    assert all_stock(folder.start()) == before


def test_a_reserve_of_the_first_format_is_a_hold_that_can_be_committed(folder: Folder):
    ledger = folder.start()
    do(ledger, CountStock(A, 10))
    hold_of_one = HoldStock("old", (WantedLine(A, 4),))
    do(ledger, hold_of_one)
    folder.close()
    as_in_format_1(folder)
    ledger = folder.start()
    assert ledger.reservation("old") == Reservation("old", (HeldLine(A, 4),), None, None, START, 1, 2, 2, lines_at=2)
    assert do(ledger, CommitHold("old", (A,))).event.reservation.state == "committed"
    assert (ledger.record(A).on_hand, ledger.record(A).reserved) == (6, 0)
    assert folder.verify().ok


def as_in_format_1(folder: Folder) -> None:
    """Write the log as the release before holds did: no reservation but its id, no ``previous``."""
    path, chain, lines = folder.layout.segment(1), GENESIS, []
    for line in path.read_bytes().splitlines():
        fields = orjson.loads(line)
        for name in ("chain", "reservation"):
            fields.pop(name, None)
        fields["format"] = 1
        for record in fields["lines"]:
            del record["previous"]
        body = orjson.dumps(fields)[:-1]
        chain = blake2b(chain + body, digest_size=16).digest()
        lines.append(body + b',"chain":"' + chain.hex().encode() + b'"}')
        assert decode(lines[-1]).format == 1
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    folder.layout.shared_header.unlink()
