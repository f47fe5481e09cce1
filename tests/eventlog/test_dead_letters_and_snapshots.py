"""Dead letters if the log before a snapshot is archived or deleted, and behind snapshots of version 0.1.0."""

import json
from hashlib import blake2b

import orjson
import pytest
from support.dead_letters import QUICK, process, states
from support.folder import ONE, TWO, Folder, Shim, add

from inventory.domain.dead_letter import Break, Figures
from inventory.domain.errors import SettlementRefused
from inventory.eventlog.archive import move_to_archive
from inventory.eventlog.snapshot import footer, restore_image

BROKEN = {ONE: Break(2, Figures(1, 0, 1))}


def test_a_snapshot_holds_the_break_and_the_figures_before_it(broken: Folder):
    one = process(broken)
    sequence = one.ledger.log_maintenance.take_snapshot()
    assert restore_image(broken.layout.snapshot(sequence)).state.broken == BROKEN
    process(broken).letters.settle(2, None, "discard", "anna", None)
    assert process(broken).ledger.record(ONE).on_hand == 1


def test_a_snapshot_behind_a_settlement_holds_no_break(broken: Folder):
    one = process(broken)
    one.letters.settle(2, None, "discard", "anna", None)
    assert restore_image(broken.layout.snapshot(one.ledger.log_maintenance.take_snapshot())).state.broken == {}
    assert broken.verify().ok


def without_figures(folder: Folder, sequence: int) -> None:
    """Make a snapshot what version 0.1.0 has written."""
    path = folder.layout.snapshot(sequence)
    *body, _ = path.read_bytes().splitlines(keepends=True)
    body[-1] = orjson.dumps({"broken": [[ONE.store, ONE.sku, 2]]}) + b"\n"
    digest = blake2b(b"".join(body), digest_size=16)
    entries = sum(len(next(iter(orjson.loads(line).values()))) for line in body[1:])
    path.write_bytes(b"".join(body) + footer(b'{"count":%d' % entries, digest))


def test_an_older_snapshot_has_the_break_without_figures_and_is_no_problem(broken: Folder):
    without_figures(broken, process(broken).ledger.log_maintenance.take_snapshot())
    one = process(broken)
    assert one.ledger.broken(9) == [(ONE, Break(2, None))]
    assert [problem.split(":")[0] for problem in broken.verify().problems] == ["sku-1 in store-1"]


def test_behind_an_older_snapshot_a_letter_can_be_requeued_but_not_discarded(broken: Folder):
    without_figures(broken, process(broken).ledger.log_maintenance.take_snapshot())
    one = process(broken)
    with pytest.raises(SettlementRefused, match="are unknown"):
        one.letters.settle(2, None, "discard", "anna", None)
    one.letters.settle(2, None, "requeue", "anna", None)
    assert add(one.ledger).record.on_hand == 4


def test_a_break_whose_event_is_in_the_archive_is_noted_and_settled(broken: Folder):
    ledger = broken.open(segment_bytes=1)
    add(ledger, at=TWO)
    broken.close()
    move_to_archive(broken.layout, 1, Shim(), QUICK)
    broken.prepare()
    one = process(broken)
    one.letters.settle(2, None, "discard", "anna", None)
    assert (one.ledger.record(ONE).on_hand, states(broken)) == (1, ["dead", "discarded"])


def test_a_break_whose_event_is_gone_for_good_is_noted_without_it_and_settled(broken: Folder):
    ledger = broken.open(segment_bytes=1)
    add(ledger, at=TWO)
    ledger.log_maintenance.take_snapshot()
    broken.close()
    broken.layout.segment(1).unlink()
    one = process(broken)
    one.letters.note_new()
    letter = json.loads(broken.layout.dead_letters.read_bytes())
    assert (letter["line"], letter["before"]) == (None, {"onHand": 1, "reserved": 0, "version": 1})
    assert "can no longer be read" in letter["reason"]
    one.letters.settle(2, None, "discard", "anna", None)
    assert one.ledger.record(ONE).on_hand == 1
