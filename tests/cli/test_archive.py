"""``inventory archive``: the space that the log takes, and which segments may be deleted."""

import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.timelines import without_ids

from inventory.cli.main import main
from inventory.domain.commands import CountStock, WantedLine
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.values import item_id
from inventory.eventlog.archive import move_to_archive
from inventory.eventlog.snapshot import read_start
from inventory.eventlog.timeline import ids_at
from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy
from inventory.settings import Settings
from inventory.wiring import build_services, layout_of, prepare


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A folder with a log of many small segments."""
    settings = Settings(data_dir=tmp_path, segment_bytes=4096, idemp_ttl_ms=1)
    prepare(settings)
    services = build_services(settings)
    for number in range(40):
        services.stock.change(CountStock(item_id("store-1", f"sku-{number}"), number))
    services.close()
    return settings


def run(settings: Settings, command: str, *options: str) -> Result:
    environment = {"IDEMP_TTL_MS": "1", "SEGMENT_BYTES": "4096"}
    return CliRunner(env=environment).invoke(main, [command, "--data-dir", str(settings.data_dir), *options])


def archive(settings: Settings, *options: str) -> Result:
    return run(settings, "archive", *options)


@pytest.fixture
def with_old_views(settings: Settings) -> Settings:
    """The same, with views of event 40, and nothing left of the archive."""
    run(settings, "sync")
    change(settings, 60)
    archive(settings, "--snapshot")
    change(settings, 1)
    archive(settings, "--snapshot")
    assert archive(settings, "--keep", "0").exit_code == 0
    return settings


def change(settings: Settings, times: int) -> None:
    services = build_services(settings)
    for number in range(times):
        services.stock.change(CountStock(item_id("store-1", "sku-1"), number))
    services.close()


def claim(settings: Settings, sequence: int) -> None:
    """Have a published view say that it is of this event."""
    view = layout_of(settings).store_view
    view.write_bytes(view.read_bytes().replace(b':40,"records"', b':%d,"records"' % sequence))


def test_it_tells_what_the_log_takes_up(settings: Settings):
    shown = json.loads(archive(settings, "--json").stdout)
    assert shown["log_bytes"] == sum(path.stat().st_size for path in layout_of(settings).events.iterdir())


def test_two_snapshots_compact_the_log(settings: Settings):
    archive(settings, "--snapshot")
    prepare(settings)
    services = build_services(settings)
    services.stock.change(CountStock(item_id("store-1", "sku-1"), 7))
    services.close()
    assert archive(settings, "--snapshot").exit_code == 0
    assert layout_of(settings).archived_segments()[0] == 1


def test_keep_deletes_the_oldest_of_the_archive(settings: Settings):
    test_two_snapshots_compact_the_log(settings)
    before = layout_of(settings).archived_segments()
    assert archive(settings, "--keep", "1").exit_code == 0
    assert layout_of(settings).archived_segments() == before[-1:]


def test_to_keep_more_than_there_is_deletes_nothing(settings: Settings):
    test_two_snapshots_compact_the_log(settings)
    before = layout_of(settings).archived_segments()
    for more in (0, 1, len(before)):
        assert archive(settings, "--keep", str(len(before) + more)).exit_code == 0
        assert layout_of(settings).archived_segments() == before


def test_the_first_event_is_deleted_only_when_a_snapshot_carries_its_id(settings: Settings):
    test_two_snapshots_compact_the_log(settings)
    layout = layout_of(settings)
    older, newest = layout.snapshot_sequences()
    ids = ids_at(layout, newest)
    for sequence in (older, newest):
        without_ids(layout, sequence)
    assert archive(settings, "--keep", "0").exit_code == 0
    assert 1 not in layout.archived_segments()
    assert read_start(layout.snapshot(newest)).ids == ids_at(layout, newest) == ids


def test_without_two_whole_snapshots_nothing_of_the_archive_may_go(settings: Settings):
    test_two_snapshots_compact_the_log(settings)
    layout = layout_of(settings)
    layout.snapshot(layout.snapshot_sequences()[0]).unlink()
    refused = archive(settings, "--keep", "0")
    assert (refused.exit_code, "needs two valid snapshots" in refused.stderr) == (1, True)
    assert layout.archived_segments()


def test_views_of_an_event_that_was_deleted_are_stale_and_the_log_is_valid(with_old_views: Settings):
    ended = run(with_old_views, "verify")
    assert (ended.exit_code, ended.stdout) == (0, "OK: verified through event 101.\n")
    view = layout_of(with_old_views).store_view
    assert f"note: {view} is of event 40, which can no longer be folded from the log; stale until" in ended.stderr


def test_beside_a_process_that_serves_views_of_a_deleted_event_are_stale_too(with_old_views: Settings):
    services = build_services(with_old_views)
    found = json.loads(run(with_old_views, "verify", "--json").stdout)
    services.close()
    assert (found["ok"], found["problems"], len(found["notes"])) == (True, [], 2)


def test_stale_views_are_noted_no_more_once_they_are_published_again(with_old_views: Settings):
    run(with_old_views, "sync")
    assert (run(with_old_views, "verify").exit_code, run(with_old_views, "verify").stderr) == (0, "")


@pytest.mark.parametrize("sequence", [102, 10**9])
def test_views_of_an_event_above_the_end_of_the_log_are_damage(with_old_views: Settings, sequence: int):
    claim(with_old_views, sequence)
    ended = run(with_old_views, "verify")
    assert (ended.exit_code, f"is of event {sequence}, which the log does not have" in ended.stderr) == (1, True)
    assert "FAILED" in ended.stdout


def test_views_of_an_event_that_no_log_can_have_are_damage(with_old_views: Settings):
    claim(with_old_views, -1)
    assert run(with_old_views, "verify").exit_code == 1


def test_what_a_key_that_counts_needs_for_its_answer_is_kept_and_said(settings: Settings):
    test_two_snapshots_compact_the_log(settings)
    before = layout_of(settings).archived_segments()
    prepare(settings)
    services = build_services(dataclasses.replace(settings, idemp_ttl_ms=3_600_000))
    held = services.reservations.hold((WantedLine(item_id("store-1", "sku-39"), 2),)).reservation.reservation_id
    services.reservations.extend(held, 10**6, key=IdempotencyKey("longer", "hash"))
    first = services.stock.change(CountStock(item_id("store-1", "sku-1"), 9), IdempotencyKey("count", "hash"))
    services.close()
    change(settings, 40)
    for segment in layout_of(settings).segments()[:-1]:
        move_to_archive(layout_of(settings), segment, Disk(), RetryPolicy())
    told = json.loads(archive(settings, "--keep", "0", "--json").stdout)
    assert (told["deleted"] >= len(before), told["keptForKeys"] > 0) == (True, True)
    prepare(settings)
    services = build_services(settings)
    again = services.stock.change(CountStock(item_id("store-1", "sku-1"), 9), IdempotencyKey("count", "hash"))
    services.close()
    assert (again.replayed, again.event) == (True, first.event)
