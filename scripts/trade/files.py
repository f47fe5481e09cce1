"""The two files of a replay: what there is, and who wants what."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple


class BadFile(Exception):
    """A file cannot be replayed; names the file, the line and what is wrong."""


class StockRow(NamedTuple):
    """``onHand`` units of a SKU in a store; at ``low_stock`` or fewer it counts as low."""

    store: str
    sku: str
    on_hand: int
    low_stock: int | None


class Order(NamedTuple):
    """What one order asks for: (SKU, units), in the order of its lines."""

    reference: str
    lines: tuple[tuple[str, int], ...]


def read_stock(path: Path) -> list[StockRow]:
    """Read ``storeId,sku,onHand`` and, if it is there, ``lowStock``; other columns are left alone.

    :raises BadFile: naming the line.
    """
    return [
        StockRow(row["storeId"], row["sku"], _number(path, line, row, "onHand", 0), _low(path, line, row))
        for line, row in _rows(path, ("storeId", "sku", "onHand"))
    ]


def read_orders(path: Path) -> list[Order]:
    """Read ``reference,sku,qty``; the lines of one order share its reference, and need not stand together.

    :raises BadFile: naming the line.
    """
    orders: dict[str, list[tuple[str, int]]] = {}
    for line, row in _rows(path, ("reference", "sku", "qty")):
        orders.setdefault(row["reference"], []).append((row["sku"], _number(path, line, row, "qty", 1)))
    return [Order(reference, tuple(lines)) for reference, lines in orders.items()]


def _rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                raise BadFile(f"{path} has no column {', '.join(missing)}")
            for row in reader:
                if any(not row[name] for name in needed):
                    raise BadFile(f"{path}, line {reader.line_num}: one of {', '.join(needed)} is empty")
                yield reader.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(f"{path} cannot be read: {error}") from error


def _number(path: Path, line: int, row: dict[str, str], name: str, least: int) -> int:
    text = row[name].strip()
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise BadFile(f"{path}, line {line}: {name} must be a whole number from {least}, not {text!r}")
    return int(text)


def _low(path: Path, line: int, row: dict[str, str]) -> int | None:
    return _number(path, line, row, "lowStock", 0) if row.get("lowStock") else None
