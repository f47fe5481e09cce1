"""Reservations over restarts: from the log alone, from a snapshot and the rest, and from older formats."""

import shutil

import orjson
import pytest
from support.folder import Folder
from support.given import START, deciding, item
from support.holds_on_folder import ALL, BOTH, A, do, everything, hold, one_of_each, restarted

from inventory.domain.commands import CountStock, WantedLine
from inventory.domain.hold_commands import (
    AtomicBatch,
    CommitHold,
    HoldStock,
    ReleaseHold,
)
from inventory.domain.hold_errors import ReservationExpired
from inventory.eventlog.ledger import FileLedger
from inventory.service.change_overlay import EventStamp

MINUTE_MS = 60_000
DAY_MS = 86_400_000


def test_a_restart_from_the_log_alone_gives_the_same_reservations(folder: Folder):
    before = everything(one_of_each(folder))
    assert before == everything(restarted(folder))
    assert {held.reservation_id: held.state for held in before[0].items} == {
        "held": "held",
        "partly": "partly_committed",
        "committed": "committed",
        "released": "released",
        "extended": "held",
        "expired": "expired",
        "due": "held",
        "later": "held",
    }
    assert before[2] == ["due"]


def test_a_restart_from_a_snapshot_and_the_rest_gives_what_the_log_gives(folder: Folder):
    ledger = one_of_each(folder)
    ledger.log_maintenance.take_snapshot()
    do(ledger, CommitHold("held", BOTH))
    do(ledger, ReleaseHold("partly", BOTH))
    hold(ledger, "new", ttl_ms=50)
    before = everything(ledger)
    with_snapshot = everything(restarted(folder))
    shutil.rmtree(folder.layout.snapshots)
    assert with_snapshot == everything(restarted(folder)) == before


def test_a_start_from_a_snapshot_reads_no_hold_before_it(folder: Folder):
    before = everything(one_of_each(folder))
    ledger = folder.open()
    ledger.log_maintenance.take_snapshot()
    folder.close()
    path = folder.layout.segment(1)
    log = path.read_bytes()
    path.write_bytes(b"X" + log[1:])
    assert everything(folder.start()) == before


def test_another_process_on_the_folder_has_the_same_reservations(folder: Folder):
    ledger = one_of_each(folder)
    assert everything(folder.open()) == everything(ledger)


def test_a_snapshot_of_large_holds_is_written_in_lines_that_are_no_longer_for_it(folder: Folder):
    ledger = folder.start()
    many = [item(f"sku-{number}") for number in range(600)]
    for at in many:
        do(ledger, CountStock(at, 100))
    for number in range(10):
        do(ledger, HoldStock(f"r-{number}", tuple(WantedLine(at, 1) for at in many)))
    path = folder.layout.snapshot(ledger.log_maintenance.take_snapshot())
    held = [orjson.loads(line)["reservations"] for line in path.read_bytes().splitlines() if b"reservations" in line]
    assert [len(line) for line in held] == [1] * 10


def ended_at_the_full_minute(folder: Folder, keep_ms: int) -> FileLedger:
    folder.machine.up += -START % (MINUTE_MS * 1000)
    folder.prepare()
    ledger = folder.open(writer=EventStamp("node-1", MINUTE_MS, keep_ms))
    for at in BOTH:
        do(ledger, CountStock(at, 100))
    hold(ledger, "open", ttl_ms=1)
    hold(ledger, "gone")
    do(ledger, ReleaseHold("gone", BOTH))
    return ledger


@pytest.mark.parametrize("keep_ms", [MINUTE_MS, DAY_MS])
def test_an_ended_reservation_is_known_for_its_time_and_forgotten_after_it(folder: Folder, keep_ms: int):
    ledger = ended_at_the_full_minute(folder, keep_ms)
    folder.machine.up += keep_ms * 1000
    do(ledger, CountStock(A, 100))
    assert ledger.reservation("gone").state == "released"
    folder.machine.up += MINUTE_MS * 1000
    do(ledger, CountStock(A, 100))
    assert ledger.reservation("gone") is None
    assert [held.reservation_id for held in ledger.reservations(ALL).items] == ["open"]


def test_what_was_forgotten_stays_so_over_a_restart_as_soon_as_something_is_written(folder: Folder):
    ended_at_the_full_minute(folder, MINUTE_MS)
    folder.close()
    folder.machine.up += 2 * MINUTE_MS * 1000
    folder.prepare()
    ledger = folder.open(writer=EventStamp("node-1", MINUTE_MS, MINUTE_MS))
    do(ledger, CountStock(A, 100))
    assert ledger.reservation("gone") is None


def test_a_commit_after_the_end_is_refused_after_a_restart_too(folder: Folder):
    one_of_each(folder)
    ledger = restarted(folder)
    with pytest.raises(ReservationExpired):
        do(ledger, CommitHold("due", BOTH))


def test_a_hold_of_1000_lines_in_the_log_is_there_after_a_restart_and_can_be_committed(folder: Folder):
    items = [item(f"sku-{number}") for number in range(1000)]
    ledger, made = folder.start(), HoldStock("old", tuple(WantedLine(at, 1) for at in items))
    do(ledger, AtomicBatch(tuple(CountStock(at, 1) for at in items)))
    ledger.submit(made.entities, lambda *seen: deciding(made)(*seen)._replace(type="stock.batch")).wait()
    folder.close()

    ledger = folder.start()
    do(ledger, CommitHold("old", tuple(items), made.lines[:500]))
    do(ledger, CommitHold("old", tuple(items)))

    assert {ledger.record(at).on_hand for at in items} == {0}
    assert (ledger.reservation("old").state, folder.verify().problems) == ("committed", [])
