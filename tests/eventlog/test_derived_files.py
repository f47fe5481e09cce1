"""Every file but the log can be deleted: it is made again with the same content."""

import errno
import shutil
from pathlib import Path

import pytest
from support.folder import ONE, TWO, Shim, failing
from support.given import item

from inventory.domain.commands import AdjustStock, CountStock
from inventory.domain.errors import StorageUnavailable
from inventory.domain.hold_commands import reserve_one
from inventory.domain.key_table import IdempotencyKey
from inventory.eventlog.data_folder import StartRefused, server_presence
from inventory.service.ports.stock_reads import PageRequest
from inventory.settings import Settings
from inventory.verification.verify import verify
from inventory.wiring import build_services, layout_of, prepare, rebuild
from inventory.wiring.services import Services

ITEMS = [item(sku, store) for store in ("b", "a", "c") for sku in ("sku-2", "sku-1")]
KEY = IdempotencyKey("k", "hash")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, retry_base_ms=1, segment_bytes=4096)


def started(settings: Settings, disk: Shim | None = None) -> Services:
    prepare(settings)
    return build_services(settings, disk=disk)


def some_stock(settings: Settings) -> list:
    """Fill the log and publish; returns everything that can be asked of it."""
    services = started(settings)
    for number, at in enumerate(ITEMS):
        services.stock.change(CountStock(at, 10 + number))
        services.stock.change(reserve_one(at, 2, f"r-{number}"))
    services.stock.change(AdjustStock(ITEMS[0], -3), KEY)
    services.sync.sync_once()
    answers = everything_asked(services)
    services.close()
    return answers


def everything_asked(services: Services) -> list:
    stores = services.stock.stores(PageRequest(limit=2))
    answers = [services.stock.record(at) for at in ITEMS]
    answers += [stores, services.stock.stores(PageRequest(limit=2, after=stores.next_after))]
    answers += [services.stock.records_of_store(store, PageRequest(limit=1)) for store in "abc"]
    answers += [services.stock.stock_of_sku(sku)[:3] for sku in ("sku-1", "sku-2")]
    return [*answers, services.stock.change(AdjustStock(ITEMS[0], -3), KEY)._replace(replayed=True)]


def views(settings: Settings) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in settings.data_dir.glob("*.json")}


def test_without_any_derived_file_the_answers_are_the_same(settings: Settings):
    answers = some_stock(settings)
    shutil.rmtree(settings.data_dir / "locks")
    for path in settings.data_dir.glob("*.json"):
        path.unlink()
    services = started(settings)
    assert everything_asked(services) == answers
    services.close()


def test_rebuilt_views_are_the_same_to_the_byte(settings: Settings):
    some_stock(settings)
    before = views(settings)
    result = rebuild(settings)
    assert (views(settings), len(before), result.as_of_sequence) == (before, 2, 13)
    assert verify(layout_of(settings)).problems == []


def test_a_rebuild_replaces_views_that_are_wrong(settings: Settings):
    some_stock(settings)
    before = views(settings)
    for name in before:
        (settings.data_dir / name).write_text("wrong")
    assert len(verify(layout_of(settings)).problems) == 2
    rebuild(settings)
    assert views(settings) == before


def test_a_rebuild_that_was_killed_is_done_by_the_next_one(settings: Settings):
    some_stock(settings)
    before = views(settings)
    aside = settings.data_dir / "snapshots.aside"
    aside.mkdir()
    (aside / layout_of(settings).snapshot(7).name).write_bytes(b"it was set aside while the log was checked")
    assert (rebuild(settings).as_of_sequence, views(settings), aside.exists()) == (13, before, False)


def test_a_rebuild_leaves_the_log_as_it_is(settings: Settings):
    some_stock(settings)
    before = {path: path.read_bytes() for path in (settings.data_dir / "events").iterdir()}
    rebuild(settings)
    assert before == {path: path.read_bytes() for path in (settings.data_dir / "events").iterdir()}


def test_a_rebuild_beside_a_server_is_refused(settings: Settings):
    some_stock(settings)
    with server_presence(layout_of(settings)), pytest.raises(StartRefused, match="is using it"):
        rebuild(settings)


def test_a_rebuild_of_a_damaged_log_deletes_nothing(settings: Settings):
    some_stock(settings)
    before = views(settings)
    segment = settings.data_dir / "events" / f"{1:020d}.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b"sku-1", b"sku-9", 1))
    with pytest.raises(StartRefused):
        rebuild(settings)
    assert (views(settings), (settings.data_dir / "locks" / "state").exists()) == (before, True)


@pytest.mark.parametrize("call", ["rename", "write", "fsync", "create", "sync_folder"])
def test_views_that_cannot_be_published_are_unharmed_and_published_later(settings: Settings, call: str):
    some_stock(settings)
    before, disk = views(settings), Shim()
    services = started(settings, disk)
    services.stock.change(AdjustStock(ITEMS[1], 1))
    disk.instead[call] = failing(OSError(errno.EIO, "injected"))
    with pytest.raises(StorageUnavailable, match="cannot publish the views"):
        services.sync.sync_once()
    if call != "sync_folder":
        assert views(settings) == before
    disk.instead.clear()
    assert services.sync.sync_once().published
    services.close()
    assert (views(settings) != before, verify(layout_of(settings)).problems) == (True, [])


def test_views_are_published_when_the_second_try_succeeds(settings: Settings):
    disk = Shim()
    services = started(settings, disk)
    services.stock.change(CountStock(ONE, 1))
    disk.instead["fsync"] = failing(OSError(errno.EIO, "injected"), times=2)
    assert services.sync.sync_once().published
    services.close()


def test_changes_go_on_while_views_cannot_be_published(settings: Settings):
    disk = Shim()
    services = started(settings, disk)
    disk.instead["rename"] = failing(OSError(errno.ENOSPC, "injected"))
    with pytest.raises(StorageUnavailable):
        services.sync.sync_once(force=True)
    services.stock.change(CountStock(TWO, 1))
    assert services.sync.status().failures == 1
    services.close()


def test_no_temporary_file_is_left_behind(settings: Settings):
    disk = Shim()
    services = started(settings, disk)
    disk.instead["rename"] = failing(OSError(errno.EIO, "injected"))
    with pytest.raises(StorageUnavailable):
        services.sync.sync_once(force=True)
    services.close()
    assert sorted(path.name for path in settings.data_dir.iterdir()) == ["archive", "events", "locks", "snapshots"]


def test_a_view_that_was_deleted_is_published_on_demand_though_nothing_has_changed(settings: Settings):
    services = started(settings)
    services.sync.sync_once()
    layout_of(settings).store_view.unlink()
    published = services.sync.sync_once().published
    services.close()
    assert (published, layout_of(settings).store_view.exists()) == (True, True)


def test_a_rebuild_keeps_the_snapshots_where_they_have_what_the_log_has_lost(settings: Settings):
    some_stock(settings)
    services = started(settings)
    services.stock.change(AdjustStock(ITEMS[0], -1))
    services.maintenance.run_once()
    services.close()
    layout = layout_of(settings)
    for path in (layout.shared_header, layout.store_view, layout.central_view):
        path.unlink(missing_ok=True)
    newest = layout.segment(layout.segments()[-1])
    newest.write_bytes(b"".join(newest.read_bytes().splitlines(keepends=True)[:-1]))
    kept = layout.snapshot_sequences()
    assert kept
    assert "'inventory rebuild'" not in str(verify(layout_of(settings)).problems)
    with pytest.raises(StartRefused, match="only the snapshots have their effect"):
        rebuild(settings)
    assert layout.snapshot_sequences() == kept
