"""scripts/bench: generated logs are as the service writes them."""

from dataclasses import replace

from bench import made_log
from bench.made_log import make_log
from bench.traffic import START

from inventory.domain.values import ItemId, Sku, StoreId
from inventory.settings import Settings
from inventory.verification.verify import verify
from inventory.wiring import build_services, layout_of, prepare


def test_a_made_log_is_whole_and_a_server_goes_on_from_it(tmp_path, monkeypatch):
    monkeypatch.setattr(made_log, "_SEGMENT_BYTES", 4096)
    told = []
    make_log(tmp_path, 30, 100, (-1, -2, -3), told.append)
    settings = replace(Settings(), data_dir=tmp_path)
    prepare(settings)
    assert verify(layout_of(settings)).problems == []
    services = build_services(settings)
    try:
        # 70 changes of three SKUs, in turn.
        first, third, last = (services.stock.record(ItemId(StoreId("store-1"), Sku(f"sku-{n}"))) for n in (0, 2, 29))
        assert (first.on_hand, first.version) == (START - 24, 25)
        assert (third.on_hand, third.version) == (START - 3 * 23, 24)
        assert (last.on_hand, last.version) == (START, 1)
        assert services.ledger.status().sequence == 100
    finally:
        services.close()
    assert len(list((tmp_path / "events").iterdir())) > 5
