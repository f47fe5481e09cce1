"""Stock as CSV: what is read, and that each error is reported with its line."""

import io

import pytest
from support.given import START, item

from inventory.cli.stock_csv import Entry, NotStock, StockReader, StockRow, export_lines
from inventory.domain.record import Policy, Record
from inventory.domain.values import MAX_QUANTITY

HEAD = b"storeId,sku,onHand\n"
ALL = b"storeId,sku,onHand,safetyStock,lowStock,reason,reference\n"


def entries(content: bytes) -> list[Entry]:
    return list(StockReader(io.BytesIO(content)).entries())


def rows(content: bytes) -> list[StockRow | None]:
    return [entry.row for entry in entries(content)]


def wrong(content: bytes) -> list[tuple[int, str]]:
    return [(entry.line, problem.field) for entry in entries(content) for problem in entry.problems]


def test_a_row_is_a_count_of_a_record() -> None:
    assert rows(HEAD + b"berlin,mug,7\n") == [StockRow(item("mug", "berlin"), 7, None, None, None)]


def test_columns_may_stand_in_any_order() -> None:
    assert rows(b"onHand,sku,storeId\n7,mug,berlin\n") == rows(HEAD + b"berlin,mug,7\n")


def test_thresholds_and_texts_are_read_where_they_are_given() -> None:
    (row,) = rows(ALL + b'berlin,mug,7,2,9,"stock, taken ""by hand""",DN-1\n')
    assert row is not None
    assert (row.policy, row.reason, row.reference) == (Policy(2, 9), 'stock, taken "by hand"', "DN-1")


@pytest.mark.parametrize(
    ("cells", "policy"),
    [(b",", None), (b"0,", Policy()), (b"4,", Policy(4, None)), (b"0,3", Policy(0, 3)), (b"4,0", Policy(4, 0))],
)
def test_a_row_with_a_safety_stock_states_the_whole_policy_and_one_without_thresholds_none_of_it(
    cells: bytes, policy: Policy | None
) -> None:
    (row,) = rows(ALL + b"berlin,mug,7," + cells + b",,\n")
    assert row is not None
    assert row.policy == policy


def test_a_row_with_a_threshold_and_no_safety_stock_is_wrong_rather_than_erasing_it() -> None:
    content = ALL + b"berlin,mug,7,,3,,\nb,tea,1,0,3,,\n"
    assert wrong(content) == [(2, "safetyStock")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"])
def test_a_byte_order_mark_and_either_line_end_are_taken(begin: bytes, end: bytes) -> None:
    assert rows(begin + end.join([HEAD.strip(), b"berlin,mug,7", b""])) == rows(HEAD + b"berlin,mug,7\n")


def test_blank_lines_are_no_rows_and_the_last_line_needs_no_end() -> None:
    assert [entry.line for entry in entries(HEAD + b"\nb,mug,7\n\n\nb,tea,1")] == [3, 6]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"", "column storeId is missing; column sku is missing; column onHand is missing"),
        (b"storeId,sku\n", "column onHand is missing"),
        (b"storeId,sku,onHand,colour\n", "unknown column 'colour'"),
        (b"storeId,sku,onHand,onhand\n", "unknown column 'onhand'"),
        (b"storeId,sku,onHand,sku\n", "column sku appears twice"),
        (b"storeId,sku,onHand,lowStock\n", "safetyStock and lowStock must both"),
        (b'"storeId,sku,onHand', "the header cannot be read"),
        (b"s\xfe,sku,onHand,storeId\n", "line 1: not UTF-8"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused_by_the_names_in_it(header: bytes, said: str) -> None:
    with pytest.raises(NotStock) as refused:
        entries(header)
    assert str(refused.value).startswith("line 1: ")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (b",mug,7", "storeId"),
        (b"berlin,m ug,7", "sku"),
        (b"berlin,m\xc3\xbcg,7", "sku"),
        (b"berlin,mug,", "onHand"),
        (b"berlin,mug,-1", "onHand"),
        (b"berlin,mug, 7", "onHand"),
        (b"berlin,mug,7.0", "onHand"),
        (b"berlin,mug,1e3", "onHand"),
        ("berlin,mug,٧".encode(), "onHand"),
        (b"berlin,mug,%d" % (MAX_QUANTITY + 1), "onHand"),
        (b"berlin,mug,%s" % (b"9" * 5000), "onHand"),
        (b"berlin,mug", "row"),
        (b"berlin,mug,7,8", "row"),
        (b'berlin,"m"ug,7', "row"),
    ],
)
def test_a_wrong_row_is_named_by_line_and_column_and_the_others_are_read(row: bytes, field: str) -> None:
    content = HEAD + b"b,tea,1\n" + row + b"\nb,cup,2\n"
    assert wrong(content) == [(3, field)]
    assert [found is not None for found in rows(content)] == [True, False, True]


def test_every_wrong_column_of_a_row_is_named() -> None:
    assert wrong(ALL + b",,x,-1,y," + b"r" * 201 + b",a\tb\n") == [
        (2, name) for name in ("storeId", "sku", "onHand", "safetyStock", "lowStock", "reason", "reference")
    ]


def test_a_row_behind_a_quoted_line_break_has_its_own_line() -> None:
    assert wrong(ALL + b'b,mug,1,,,"two\nlines",\nb,,1,,,,\n') == [(2, "reason"), (4, "sku")]


@pytest.mark.parametrize("row", [b"b,m\xfcg,1,,,,", b'b,mug,1,,,"\xe9\nl",', b"b,mug,1,,,,\xff", b'b,"m\xfc"g,1,,,,'])
def test_a_row_in_another_encoding_is_called_that_and_nothing_else(row: bytes) -> None:
    first, second = entries(ALL + row + b"\nb,tea,1,,,,\n")
    assert (first.line, first.row, first.problems) == (2, None, (("row", "not UTF-8"),))
    assert second.row is not None


def test_a_line_without_end_is_not_read_into_memory() -> None:
    with pytest.raises(NotStock, match="line 2 is longer"):
        entries(HEAD + b"x" * 70_000)


def test_behind_a_quote_whose_cell_is_too_long_nothing_is_read_and_that_is_said() -> None:
    # Where the rows behind it begin cannot be told.
    cell = b'b,"' + (b"m" * 1000 + b"\n") * 132 + b'",1\n'
    found: list[Entry] = []
    with pytest.raises(NotStock, match=r"line 3: .*field larger than field limit.*was not read"):
        found.extend(StockReader(io.BytesIO(HEAD + b"b,mug,1\n" + cell + b"b,tea,1\n")).entries())
    assert [entry.line for entry in found] == [2]


def test_a_quote_that_never_ends_is_a_wrong_row() -> None:
    assert wrong(HEAD + b'b,"mug,7\nb,tea,1\n') == [(2, "row")]


def test_what_an_export_writes_is_read_as_the_same_stock() -> None:
    records = [
        Record(item(f"sku-{n}"), n, n % 3, 1, n + 1, START, (None, Policy(n, None), Policy(n, n), Policy(0, n))[n % 4])
        for n in range(1200)
    ]
    written = b"".join(export_lines(records))
    assert [(row.item, row.on_hand, row.policy) for row in rows(written) if row is not None] == [
        (record.item, record.on_hand, record.policy) for record in records
    ]


def test_the_digest_is_of_every_byte() -> None:
    digests = set()
    for content in (HEAD, HEAD + b"\n", HEAD + b"b,mug,1\n", HEAD + b"b,mug,2\n"):
        reader = StockReader(io.BytesIO(content))
        list(reader.entries())
        digests.add(reader.digest)
    assert len(digests) == 4
