"""Rows are carried out once each, however often an import is broken off and repeated."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from support.given import START, WRITER, item
from support.importing import AT_ONCE, SPAN, TOTAL, TTL_MS, World, rows

from inventory.cli.import_rows import ImportNote, ImportNoteUnreadable, ImportStopped, Numbered
from inventory.domain.commands import AdjustStock
from inventory.domain.dead_letter import Break
from inventory.domain.errors import LockContended, NeedsOperator, Overloaded, StorageUnavailable
from inventory.domain.record import Policy, Record
from inventory.memory.ledger import MemoryLedger


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("inventory.cli.import_rows.AT_ONCE", AT_ONCE)
    monkeypatch.setattr("inventory.cli.import_rows.SPAN", SPAN)
    return World(tmp_path)


def test_every_row_is_one_count(world: World) -> None:
    done = world.run(rows())
    assert (done.applied, done.kept, len(world.ledger.events)) == (TOTAL, 0, TOTAL)


def test_a_row_with_thresholds_is_a_count_and_a_policy(world: World) -> None:
    done = world.run(rows(3, Policy(1, 2)), 3)
    assert (done.applied, world.stock.record(item("sku-2")).policy, len(world.ledger.events)) == (3, Policy(1, 2), 6)


def test_keys_are_made_of_content_attempt_and_row(world: World) -> None:
    world.run(rows(2, Policy()), 2)
    names = [event.key_use.key for event in world.ledger.events if event.key_use]
    assert names == [f"import-digest-1-{end}" for end in ("1", "1-policy", "2", "2-policy")]


def test_the_same_file_again_changes_nothing(world: World) -> None:
    world.run(rows())
    done = world.run(rows())
    assert (done.applied, done.kept, len(world.ledger.events)) == (0, TOTAL, TOTAL)


@pytest.mark.parametrize("after", [0, AT_ONCE, AT_ONCE + 1, SPAN, SPAN + AT_ONCE, TOTAL])
def test_an_import_that_was_broken_off_goes_on_and_applies_each_row_once(world: World, after: int) -> None:
    world.broken_off(after)
    done = world.run(rows())
    assert (done.applied + done.kept, len(world.ledger.events)) == (TOTAL, TOTAL)


def test_without_its_note_the_keys_alone_see_to_that(world: World, tmp_path: Path) -> None:
    world.broken_off(SPAN + AT_ONCE)
    next((tmp_path / "imports").iterdir()).unlink()
    world.run(rows())
    assert len(world.ledger.events) == TOTAL


def test_when_its_keys_have_ended_it_is_refused_and_nothing_is_stated_again(world: World) -> None:
    world.broken_off(AT_ONCE)
    events = len(world.ledger.events)
    world.clock.advance(ms=TTL_MS)
    with pytest.raises(ImportStopped, match="keys have expired") as refused:
        world.run(rows())
    assert len(world.ledger.events) == events
    assert "(line 2)" in str(refused.value)


def test_of_keys_from_different_hours_those_of_the_earliest_open_row_count(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.fail(monkeypatch, LockContended("sku-2", retry_after_ms=1), "sku-2", times=5)

    def half_a_lifetime_later() -> Iterable[Numbered]:
        yield from rows()[:SPAN]
        world.clock.advance(ms=TTL_MS // 2)
        yield from rows()[SPAN:]

    world.run(half_a_lifetime_later())
    world.clock.advance(ms=TTL_MS // 2)
    with pytest.raises(ImportStopped, match="keys have expired"):
        world.run(rows())


def test_what_was_sold_since_is_not_undone_by_a_late_repetition(world: World) -> None:
    world.run(rows(3), 3)
    world.stock.change(AdjustStock(item("sku-3"), -2))
    world.clock.advance(ms=100 * TTL_MS)
    done = world.run(rows(3), 3)
    assert (done.applied, done.kept, world.stock.record(item("sku-3")).on_hand) == (0, 3, 1)


def test_rows_that_were_confirmed_need_no_key(world: World) -> None:
    world.broken_off(SPAN + AT_ONCE)
    world.clock.advance(ms=TTL_MS - 1)
    done = world.run(rows())
    assert (done.kept, len(world.ledger.events)) == (SPAN + AT_ONCE, TOTAL)


def test_on_request_every_count_is_stated_again(world: World) -> None:
    world.run(rows(3), 3)
    assert (world.run(rows(3), 3, again=True).applied, len(world.ledger.events)) == (3, 6)


def test_a_log_that_was_restored_since_is_noticed(world: World) -> None:
    world.run(rows(3), 3)
    world.ledger = MemoryLedger(WRITER, world.clock)
    with pytest.raises(ImportStopped, match="another log, or an older copy"):
        world.run(rows(3), 3)


def test_a_damaged_note_is_refused(world: World, tmp_path: Path) -> None:
    world.notes.write(ImportNote())
    next((tmp_path / "imports").iterdir()).write_text("{}")
    with pytest.raises(ImportNoteUnreadable):
        world.run(rows(3), 3)


def test_after_a_damaged_note_every_count_is_stated_on_request(world: World, tmp_path: Path) -> None:
    world.run(rows(3), 3)
    next((tmp_path / "imports").iterdir()).write_text("{}")
    assert (world.run(rows(3), 3, again=True).applied, len(world.ledger.events)) == (3, 6)
    assert (world.run(rows(3), 3).kept, len(world.ledger.events)) == (3, 6)


def test_what_is_refused_for_a_moment_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.fail(monkeypatch, Overloaded("full", retry_after_ms=250), "sku-2", times=2)
    done = world.run(rows(3), 3)
    assert (done.applied, world.pauses, world.refused) == (3, [0.25, 0.25], [])


def test_a_row_that_is_not_possible_is_named_and_the_others_go_on(world: World) -> None:
    broken = item("sku-2")
    world.ledger._state.restore(Record(broken, 5, 0, 1, 1, START))
    world.ledger._state.broken[broken] = Break(1, None)
    done = world.run(rows(3), 3)
    assert (done.applied, done.refused, world.refused, world.pauses) == (2, 1, [3], [])


def test_a_row_whose_lease_is_never_free_is_named_and_tried_by_the_next_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.fail(monkeypatch, LockContended("sku-2", retry_after_ms=1), "sku-2", times=5)
    first = world.run(rows(3), 3)
    second = world.run(rows(3), 3)
    assert (first.applied, world.refused, second.applied, second.kept) == (2, [3], 1, 2)


def test_a_row_that_was_done_with_an_unknown_outcome_was_applied_by_this_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, late = world.ledger.submit, [StorageUnavailable("not in time", outcome="unknown")]

    def submitting(entities, decide, key=None, weight=1):
        ticket = submit(entities, decide, key)
        if late:
            raise late.pop()
        return ticket

    monkeypatch.setattr(world.ledger, "submit", submitting)
    done = world.run(rows(3), 3)
    assert (done.applied, done.kept, len(world.ledger.events)) == (3, 0, 3)


def test_what_needs_an_operator_stops_the_import_at_once_and_says_what_to_do(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.fail(monkeypatch, NeedsOperator("a sync has failed", "start a server"), "sku-2", times=1)
    with pytest.raises(ImportStopped, match="line 3: a sync has failed; start a server; then repeat the command"):
        world.run(rows(3), 3)


def test_storage_that_stays_away_stops_the_import(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.fail(monkeypatch, StorageUnavailable("full disk", outcome="none"), "sku-2", times=9)
    with pytest.raises(ImportStopped, match="stopped at line 3: full disk"):
        world.run(rows(3), 3)
