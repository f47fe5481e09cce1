"""Stock as CSV (RFC 4180): what ``inventory import`` reads and ``inventory export`` writes.

    storeId,sku,onHand,safetyStock,lowStock,reason,reference
    berlin-mitte,MUG-RED,30,5,10,stocktaking,DN-4711

The header names the columns, in any order. ``storeId``, ``sku`` and ``onHand`` are required; the others may be
left out, ``safetyStock`` and ``lowStock`` only together. An empty cell sets nothing, and a row with neither threshold
leaves the policy of its record unchanged. A row with ``safetyStock`` sets the whole policy, so an empty ``lowStock``
means that there is no such threshold: an export writes it like that. ``lowStock`` without ``safetyStock`` is refused:
it would silently set the safety stock to 0. An import ignores the other columns of an export (``reserved``, ``qty``,
``available``, ``version``, ``updatedAt``), which follow from events and cannot be set.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import BinaryIO, NamedTuple

from inventory.domain.errors import FieldProblem, ValidationFailed
from inventory.domain.record import Policy, Record
from inventory.domain.values import MAX_QUANTITY, ItemId, format_instant, item_id, text_problem

REQUIRED = ("storeId", "sku", "onHand")
THRESHOLDS = ("safetyStock", "lowStock")
TEXTS = ("reason", "reference")
EXPORTED = ("storeId", "sku", "onHand", "reserved", "qty", "available", "version", *THRESHOLDS, "updatedAt")
_KNOWN = frozenset((*EXPORTED, *TEXTS))
_BOM = b"\xef\xbb\xbf"
_LONGEST_LINE = 1 << 16
_NOT_UTF8 = "not UTF-8"


class StockRow(NamedTuple):
    """One valid row. :ivar policy: ``None`` leaves the policy of the record unchanged."""

    item: ItemId
    on_hand: int
    policy: Policy | None
    reason: str | None
    reference: str | None


class Entry(NamedTuple):
    """One row of the file: the line where it begins, and its content or its problems."""

    line: int
    row: StockRow | None
    problems: tuple[FieldProblem, ...]


class NotStock(Exception):
    """The file cannot be read as stock at all; the message says why, and where."""


class StockReader:
    """Reads a file once, one entry at a time. Memory does not grow with the file.

    :ivar bytes_read: the bytes read so far.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.bytes_read = 0
        self._file = file
        self._is_utf8 = True
        self._hash = blake2b(digest_size=16)

    @property
    def digest(self) -> str:
        """Hash of the bytes read so far; after the last entry, of the file."""
        return self._hash.hexdigest()

    def entries(self) -> Iterator[Entry]:
        """Yield every row except the header and blank lines.

        :raises NotStock: there is no usable header, or a line or a cell is too long.
        """
        rows = csv.reader(self._lines(), strict=True)
        try:
            names = next(rows, [])
        except csv.Error as error:
            raise NotStock(f"line 1: the header cannot be read: {error}") from error
        if not self._is_utf8:
            raise NotStock(f"line 1: {_NOT_UTF8}")
        _check_header(names)
        while True:
            line, self._is_utf8 = rows.line_num + 1, True
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                if "field limit" in str(error):
                    # Inside a quoted cell with an unknown beginning: the rows after it cannot be told apart.
                    raise NotStock(f"line {line}: cannot be read: {error}; the rest was not read") from error
                yield _bad_row(line, f"cannot be read: {error}" if self._is_utf8 else _NOT_UTF8)
                continue
            if cells:
                yield _entry(line, names, cells) if self._is_utf8 else _bad_row(line, _NOT_UTF8)

    def _lines(self) -> Iterator[str]:
        number = 0
        while data := self._file.readline(_LONGEST_LINE):
            number += 1
            if len(data) == _LONGEST_LINE and not data.endswith(b"\n"):
                raise NotStock(f"line {number} is longer than {_LONGEST_LINE} bytes")
            self._hash.update(data)
            self.bytes_read += len(data)
            text = data.removeprefix(_BOM) if number == 1 else data
            try:
                yield text.decode()
            except UnicodeDecodeError:
                # The row is read to its end, so that later lines keep their numbers.
                self._is_utf8 = False
                yield text.decode("utf-8", "replace")


def export_lines(records: Iterable[Record]) -> Iterator[bytes]:
    """Yield records as CSV, 500 at a time; lines end with LF."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(EXPORTED)
    for number, record in enumerate(records, 1):
        safety, low = ("", "") if record.policy is None else record.policy
        writer.writerow(
            (
                *record.item,
                record.on_hand,
                record.reserved,
                record.qty,
                record.available,
                record.version,
                safety,
                low,
                format_instant(record.updated_at),
            )
        )
        if not number % 500:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _check_header(names: list[str]) -> None:
    problems = [f"unknown column {name!a}" for name in names if name not in _KNOWN]
    problems += [f"column {name} appears twice" for name in sorted(set(names)) if names.count(name) > 1]
    problems += [f"column {name} is missing" for name in REQUIRED if name not in names]
    if len(set(THRESHOLDS) & set(names)) == 1:
        problems.append("safetyStock and lowStock must both be present, or neither")
    if problems:
        raise NotStock(f"line 1: {'; '.join(problems[:20])}")


def _entry(line: int, names: list[str], cells: list[str]) -> Entry:
    if len(cells) != len(names):
        return _bad_row(line, f"has {len(cells)} cells, but the header has {len(names)}")
    given = dict(zip(names, cells, strict=True))
    problems: list[FieldProblem] = []
    try:
        item = item_id(given["storeId"], given["sku"])
    except ValidationFailed as error:
        problems.extend(error.problems)
    on_hand = _whole(given["onHand"], "onHand", problems)
    safety, low = (_whole(given[name], name, problems) if given.get(name) else None for name in THRESHOLDS)
    if given.get("lowStock") and not given.get("safetyStock"):
        problems.append(FieldProblem("safetyStock", "is required with lowStock; 0 for none"))
    reason, reference = (_text(given.get(name), name, problems) for name in TEXTS)
    if problems:
        return Entry(line, None, tuple(problems))
    policy = None if safety is None else Policy(safety, low)
    return Entry(line, StockRow(item, on_hand, policy, reason, reference), ())


def _bad_row(line: int, reason: str) -> Entry:
    return Entry(line, None, (FieldProblem("row", reason),))


def _whole(text: str, field: str, problems: list[FieldProblem]) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= MAX_QUANTITY:
        return int(text)
    problems.append(FieldProblem(field, f"must be a whole number from 0 to {MAX_QUANTITY}"))
    return 0


def _text(text: str | None, field: str, problems: list[FieldProblem]) -> str | None:
    wrong = text_problem(text) if text else None
    if wrong is not None:
        problems.append(FieldProblem(field, wrong))
    return text or None
