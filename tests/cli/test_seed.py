"""Seeding: what a seed file may contain, and that only missing records are made."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from inventory.cli.main import main
from inventory.cli.seed import SeedResult, SeedRow, apply_seed, parse_seed, shipped_seed
from inventory.domain.commands import AdjustStock
from inventory.domain.errors import ValidationFailed
from inventory.domain.values import MAX_QUANTITY, item_id
from inventory.memory.ledger import MemoryLedger
from inventory.service.stock import StockService

CHECKOUT = Path(__file__).parents[2]
MUG = {"storeId": "berlin", "sku": "mug", "onHand": 3}


def seed(*entries: Any) -> bytes:
    return json.dumps({"items": entries}).encode()


def places(content: bytes) -> list[str]:
    with pytest.raises(ValidationFailed) as refused:
        parse_seed(content)
    return [problem.field for problem in refused.value.problems]


def test_a_row_says_how_much_of_what_is_where() -> None:
    assert parse_seed(seed(MUG)) == [SeedRow(item_id("berlin", "mug"), 3)]


def test_version_1_may_be_written_down() -> None:
    assert len(parse_seed(seed({**MUG, "version": 1}))) == 1


def test_a_seed_may_be_empty() -> None:
    assert parse_seed(seed()) == []


def test_the_shipped_seed_has_a_few_stores_with_a_few_skus_each() -> None:
    rows = parse_seed(shipped_seed())
    assert 2 <= len({row.item.store for row in rows}) < len(rows) < 20


def test_the_seed_in_the_data_folder_is_the_one_that_is_shipped() -> None:
    assert (CHECKOUT / "data/seed/store-inventory.json").read_bytes() == shipped_seed()


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"onHand": -1}, "items[0].onHand"),
        ({"onHand": MAX_QUANTITY + 1}, "items[0].onHand"),
        ({"onHand": 1.0}, "items[0].onHand"),
        ({"onHand": True}, "items[0].onHand"),
        ({"onHand": "3"}, "items[0].onHand"),
        ({"onHand": None}, "items[0].onHand"),
        ({"sku": "../etc"}, "items[0].sku"),
        ({"sku": 7}, "items[0].sku"),
        ({"storeId": ""}, "items[0].storeId"),
        ({"version": 2}, "items[0].version"),
        ({"version": True}, "items[0].version"),
        ({"colour": "blue"}, "items[0].colour"),
    ],
)
def test_a_wrong_value_is_named_by_its_place(changed: dict[str, Any], place: str) -> None:
    assert places(seed({**MUG, **changed})) == [place]


def test_every_wrong_entry_is_named_at_once() -> None:
    wrong = {"storeId": "berlin", "sku": "", "onHand": -1}
    assert places(seed(MUG, "mug", {**MUG, "sku": "tea", "onHand": "3"}, {"sku": "x"}, wrong))[:4] == [
        "items[1]",
        "items[2].onHand",
        "items[3].storeId",
        "items[3].onHand",
    ]


def test_the_same_item_twice_is_refused() -> None:
    assert places(seed(MUG, {**MUG, "onHand": 9})) == ["items[1]"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"items": {}}',
        b'{"items": [], "more": 1}',
        b'{"items": [], "items": []}',
        b'{"items": [{"storeId": "a", "sku": "b", "onHand": NaN}]}',
        b'{"items": [{"storeId": "a", "sku": "b", "onHand": ' + b"9" * 5000 + b"}]}",
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_seed_file_at_all_is_refused_as_a_whole(content: bytes) -> None:
    assert places(content) == ["file"]


@given(st.binary(max_size=200))
def test_no_content_does_anything_but_parse_or_be_refused(content: bytes) -> None:
    with suppress(ValidationFailed):
        assert isinstance(parse_seed(content), list)


ROWS = [SeedRow(item_id("berlin", f"sku-{n}"), n) for n in range(600)]


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def stock(ledger: MemoryLedger) -> StockService:
    return StockService(ledger)


def quiet(done: int, total: int) -> None:
    """Report nothing."""


def test_every_row_becomes_a_record_at_version_1(stock: StockService) -> None:
    apply_seed(stock, ROWS, quiet)
    records = [stock.record(row.item) for row in ROWS]
    assert [(record.on_hand, record.version) for record in records] == [(row.on_hand, 1) for row in ROWS]


def test_it_says_how_many_were_made(stock: StockService) -> None:
    assert apply_seed(stock, ROWS, quiet) == SeedResult(created=600, kept=0)


def test_a_repeat_changes_nothing(stock: StockService, ledger: MemoryLedger) -> None:
    apply_seed(stock, ROWS, quiet)
    again = apply_seed(stock, ROWS, quiet)
    assert (again, len(ledger.events)) == (SeedResult(created=0, kept=600), 600)


def test_stock_that_was_sold_since_does_not_come_back(stock: StockService) -> None:
    apply_seed(stock, ROWS, quiet)
    stock.change(AdjustStock(ROWS[5].item, -5))
    apply_seed(stock, ROWS, quiet)
    assert stock.record(ROWS[5].item).on_hand == 0


def test_progress_is_reported_up_to_the_end(stock: StockService) -> None:
    seen: list[tuple[int, int]] = []
    apply_seed(stock, ROWS, lambda done, total: seen.append((done, total)))
    assert seen == [(256, 600), (512, 600), (600, 600)]


def test_with_leases_a_sku_of_several_stores_is_seeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKS_ENABLED", "true")
    ended = CliRunner().invoke(main, ["seed", "--json", "--data-dir", str(tmp_path)])
    assert (ended.exit_code, json.loads(ended.stdout)["created"]) == (0, len(parse_seed(shipped_seed())))
