"""The named places inside longer work: where a test can make it fail or kill it."""

from pathlib import Path

import pytest
from support.folder import Folder, Shim, add
from support.given import WRITER, item

from inventory.domain.commands import CountStock
from inventory.settings import Settings
from inventory.wiring import build_services, prepare


class Places(Shim):
    """Notes the places that are reached among the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.instead["reach"] = self.calls.append


@pytest.fixture
def disk() -> Places:
    return Places()


def test_publishing_is_in_publish_after_each_piece_and_after_each_view(tmp_path: Path, disk: Places):
    settings = Settings(data_dir=tmp_path)
    prepare(settings)
    services = build_services(settings, disk=disk)
    services.stock.change(CountStock(item(), 1))
    disk.calls.clear()
    services.sync.sync_once()
    services.close()
    calls = [name for name in disk.calls if name in ("write", "rename", "in-publish")]
    # Head, one piece of entries, end.
    assert calls == ([*["write", "in-publish"] * 3, "rename", "in-publish"]) * 2


def test_a_snapshot_is_in_snapshot_after_each_of_its_lines(folder: Folder, disk: Places):
    ledger = folder.start(disk)
    add(ledger, key="key")
    disk.calls.clear()
    ledger.log_maintenance.take_snapshot()
    calls = [name for name in disk.calls if name in ("write", "in-snapshot")]
    # Header, records, keys, footer; the last one has nothing to come after it.
    assert calls == [*["write", "in-snapshot"] * 3, "write"]


def test_a_segment_is_in_compaction_while_it_is_in_the_log_and_in_the_archive(folder: Folder, disk: Places):
    ledger, seen = folder.start(disk, segment_bytes=4096), []

    def look(place: str) -> None:
        if place == "in-compaction":
            seen.append((folder.layout.segments()[0], folder.layout.archived_segments()))

    disk.instead["reach"] = look
    for _ in range(2):
        for number in range(20):
            add(ledger, 1, item(f"sku-{number}"))
        ledger.log_maintenance.take_snapshot()
    folder.machine.up += WRITER.key_ttl_ms * 1000 + 1
    ledger.log_maintenance.compact()
    assert seen[0] == (1, [1])
