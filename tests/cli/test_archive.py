"""``inventory archive``: what the log takes up, and what may go."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from inventory.bootstrap import build_services, layout_of, prepare
from inventory.cli.main import main
from inventory.domain.commands import CountStock
from inventory.domain.values import item_id
from inventory.settings import Settings


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


def archive(settings: Settings, *options: str) -> Result:
    environment = {"IDEMP_TTL_MS": "1", "SEGMENT_BYTES": "4096"}
    return CliRunner(env=environment).invoke(main, ["archive", "--data-dir", str(settings.data_dir), *options])


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


def test_without_two_whole_snapshots_nothing_of_the_archive_may_go(settings: Settings):
    test_two_snapshots_compact_the_log(settings)
    layout = layout_of(settings)
    layout.snapshot(layout.snapshot_sequences()[0]).unlink()
    refused = archive(settings, "--keep", "0")
    assert (refused.exit_code, "two whole snapshots are needed" in refused.stderr) == (1, True)
    assert layout.archived_segments()
