"""scripts/trade/files.py: an error in a file is reported with its line, and no order is replayed."""

from pathlib import Path

import pytest
from trade.files import BadFile, Order, StockRow, read_orders, read_stock

STOCK, ORDERS = "storeId,sku,onHand,lowStock\n", "reference,sku,qty\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "given.csv"


def test_stock_is_read(file: Path):
    file.write_text("\ufeff" + "sku,name,storeId,onHand,lowStock\nTEA,Earl Grey,kiosk, 12 ,4\nMUG,,kiosk,0,\n")
    assert read_stock(file) == [StockRow("kiosk", "TEA", 12, 4), StockRow("kiosk", "MUG", 0, None)]


def test_a_low_stock_need_not_be_there(file: Path):
    file.write_text("storeId,sku,onHand\nkiosk,TEA,12\n")
    assert read_stock(file) == [StockRow("kiosk", "TEA", 12, None)]


def test_the_lines_of_an_order_need_not_stand_together(file: Path):
    file.write_text(f"{ORDERS}A 1,TEA,4\nA-2,TEA,1\nA 1,TEA,2\nA 1,MUG,1\n")
    assert read_orders(file) == [Order("A 1", (("TEA", 4), ("TEA", 2), ("MUG", 1))), Order("A-2", (("TEA", 1),))]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column storeId, sku, onHand"),
        ("storeId,sku\nkiosk,TEA\n", "has no column onHand"),
        (f"{STOCK}kiosk,TEA,12,4\nkiosk,,3,1\n", "line 3: sku is empty"),
        (f"{STOCK}kiosk\n", "line 2: sku, onHand is empty"),
        (f"{STOCK}kiosk,TEA,-1,\n", "line 2: onHand must be a whole number from 0 to 1000000000000, not '-1'"),
        (f"{STOCK}kiosk,TEA,1000000000001,\n", "line 2: onHand must be a whole number from 0 to 1000000000000"),
        (f"{STOCK}kiosk,TEA,{'9' * 5000},\n", "line 2: onHand must be a whole number .*, not '9{40}…'"),
        (f"{STOCK}kiosk,TEA,1,2,3\n", "line 2: has 5 cells, the header 4"),
        (STOCK, "has no rows"),
        (f"{STOCK}\n\n", "has no rows"),
        (f"{STOCK}kiosk,TEA,1.5,\n", "onHand must be a whole number"),
        (f"{STOCK}kiosk,TEA,٣,\n", "onHand must be a whole number"),
        (f"{STOCK}kiosk,TEA,1,few\n", "line 2: lowStock must be a whole number"),
        (f"{STOCK}kiosk,T/A,1,\n", "line 2: sku 'T/A' is none"),
        (f"{STOCK}the kiosk,TEA,1,\n", "line 2: storeId 'the kiosk' is none"),
        (f"{STOCK}kiosk,TEA,1,\ncellar,TEA,5,\n", "line 3: TEA is there already"),
    ],
)
def test_a_bad_stock_file_is_refused_with_the_line(file: Path, text: str, message: str):
    file.write_text(text)
    with pytest.raises(BadFile, match=message):
        read_stock(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("reference,sku\n", "has no column qty"),
        (ORDERS, "given.csv has no rows"),
        (f"{ORDERS}A-1,TEA,1\nA-1,TEA,1,7\n", "line 3: has 4 cells, the header 3"),
        (f"{ORDERS}A-1,TEA,0\n", "line 2: qty must be a whole number from 1"),
        (f"{ORDERS}A-1,TEA,1\n,TEA,1\n", "line 3: reference is empty"),
    ],
)
def test_a_bad_orders_file_is_refused_with_the_line(file: Path, text: str, message: str):
    file.write_text(text)
    with pytest.raises(BadFile, match=message):
        read_orders(file)


def test_a_file_that_is_not_there_is_named(file: Path):
    with pytest.raises(BadFile, match=r"given.csv cannot be read"):
        read_stock(file)


def test_a_file_that_is_no_text_is_named(file: Path):
    file.write_bytes(b"storeId,sku,onHand\n\xff\xfe,\x00,1\n")
    with pytest.raises(BadFile, match=r"given.csv cannot be read"):
        read_stock(file)


def test_the_example_can_be_read():
    example = Path(__file__).parents[2] / "scripts" / "trade" / "example"
    skus = {row.sku for row in read_stock(example / "stock.csv")}
    assert {sku for order in read_orders(example / "orders.csv") for sku, _ in order.lines} == skus
