"""The two files of a replay: the stock and the orders."""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

_MOST = 10**12
"""The largest quantity that the service keeps."""
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)


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

    Orders name no store, so a SKU may stand here once.

    :raises BadFile: naming the line.
    """
    found: dict[str, StockRow] = {}
    for line, row in _rows(path, ("storeId", "sku", "onHand")):
        store, sku = (_identifier(path, line, row, name) for name in ("storeId", "sku"))
        if sku in found:
            raise BadFile(f"{path}, line {line}: {sku} is there already; orders name no store, so it may stand once")
        found[sku] = StockRow(store, sku, _number(path, line, row, "onHand", 0), _low(path, line, row))
    return list(found.values())


def read_orders(path: Path) -> list[Order]:
    """Read ``reference,sku,qty``; the lines of one order share its reference, and need not stand together.

    :raises BadFile: naming the line.
    """
    orders: dict[str, list[tuple[str, int]]] = {}
    for line, row in _rows(path, ("reference", "sku", "qty")):
        sku = _identifier(path, line, row, "sku")
        orders.setdefault(row["reference"], []).append((sku, _number(path, line, row, "qty", 1)))
    return [Order(reference, tuple(lines)) for reference, lines in orders.items()]


def _rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                raise BadFile(f"{path} has no column {', '.join(missing)}")
            has_rows = False
            for row in reader:
                # DictReader's own name for what stands beyond the header.
                beyond: Sequence[str] = row.pop(None, ())
                if beyond:
                    cells, named = len(row) + len(beyond), len(row)
                    raise BadFile(f"{path}, line {reader.line_num}: has {cells} cells, the header {named}")
                stripped = {name: (text or "").strip() for name, text in row.items()}
                empty = [name for name in needed if not stripped[name]]
                if empty:
                    raise BadFile(f"{path}, line {reader.line_num}: {', '.join(empty)} is empty")
                has_rows = True
                yield reader.line_num, stripped
            if not has_rows:
                raise BadFile(f"{path} has no rows")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(f"{path} cannot be read: {error}") from error


def _identifier(path: Path, line: int, row: dict[str, str], name: str) -> str:
    if not _IDENTIFIER.fullmatch(row[name]):
        raise BadFile(f"{path}, line {line}: {name} {row[name]!r} is none: up to 64 of A-Z a-z 0-9 . _ - :")
    return row[name]


def _number(path: Path, line: int, row: dict[str, str], name: str, least: int) -> int:
    text = row[name]
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(_MOST))
    if not (is_number and least <= int(text) <= _MOST):
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        raise BadFile(f"{path}, line {line}: {name} must be a whole number from {least} to {_MOST}, not {shown!r}")
    return int(text)


def _low(path: Path, line: int, row: dict[str, str]) -> int | None:
    return _number(path, line, row, "lowStock", 0) if row.get("lowStock") else None
