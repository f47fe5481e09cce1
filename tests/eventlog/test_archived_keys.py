"""Keys that are asked for when their events have moved to the archive."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.shop_on_disk import Shop

from inventory.eventlog import archive
from inventory.eventlog.layout import Layout


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.services.close()


def test_all_parts_of_a_batch_are_looked_up_with_one_unpacking_of_their_segment(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    operations = [{"op": "adjust", "storeId": "s", "sku": "b", "delta": 1}] * 10
    asked = ("/inventory/batch", {"atomic": False, "operations": operations}, "batch")
    first = shop.post(*asked)
    shop.fill()
    shop.archive_all()
    unpacked, unpack = [], archive.open_segment

    def noted(layout: Layout, segment: int) -> int:
        unpacked.append(segment)
        return unpack(layout, segment)

    monkeypatch.setattr(archive, "open_segment", noted)
    again = shop.post(*asked)
    assert (again.data, again.headers["Idempotent-Replayed"]) == (first.data, "true")
    assert len(unpacked) == len(set(unpacked)) > 0
