"""Seed files: what stock there is to begin with. Read and checked as a whole before anything is changed.

{"items": [{"storeId": "berlin-mitte", "sku": "MUG-BLUE", "onHand": 100, "version": 1}, …]}

``version`` may be left out; a record that is made has version 1, so nothing else can be asked for.
"""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, NamedTuple

from inventory.domain.errors import FieldProblem, ValidationFailed
from inventory.domain.values import ItemId, item_id, quantity

_FIELDS = {"storeId": str, "sku": str, "onHand": int}
_WANTED = {str: "a string", int: "a whole number"}


class SeedRow(NamedTuple):
    """Stock to begin with, of one item."""

    item: ItemId
    on_hand: int


def shipped_seed() -> bytes:
    """Return the seed file that comes with the package; a checkout shows it as data/seed/store-inventory.json."""
    return (files("inventory") / "seed.json").read_bytes()


def parse_seed(content: bytes) -> list[SeedRow]:
    """Read a seed file.

    :raises ValidationFailed: names every wrong entry by its place, such as ``items[3].onHand``.
    """
    entries = _entries(content)
    rows: dict[ItemId, SeedRow] = {}
    problems: list[FieldProblem] = []
    for number, entry in enumerate(entries):
        place = f"items[{number}]"
        wrong = list(_wrong_shape(entry, place))
        if not wrong:
            try:
                row = SeedRow(item_id(entry["storeId"], entry["sku"]), quantity(entry["onHand"], "onHand"))
                if row.item in rows:
                    wrong = [FieldProblem(place, f"{row.item.sku} in {row.item.store} is there twice")]
                rows[row.item] = row
            except ValidationFailed as error:
                wrong = [FieldProblem(f"{place}.{problem.field}", problem.message) for problem in error.problems]
        problems.extend(wrong)
    if problems:
        raise ValidationFailed(problems)
    return list(rows.values())


def _entries(content: bytes) -> list[Any]:
    try:
        document = json.loads(content, object_pairs_hook=_distinct, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        # Broken text is a ValueError too; nested brackets without end are a RecursionError.
        raise ValidationFailed([FieldProblem("file", f"is not JSON: {error}")]) from error
    if not isinstance(document, dict) or set(document) != {"items"} or not isinstance(document["items"], list):
        raise ValidationFailed([FieldProblem("file", 'must be {"items": [...]} and nothing else')])
    return document["items"]


def _wrong_shape(entry: object, place: str) -> Iterator[FieldProblem]:
    if not isinstance(entry, dict):
        yield FieldProblem(place, "must be an object")
        return
    for name, kind in _FIELDS.items():
        if name not in entry:
            yield FieldProblem(f"{place}.{name}", "is missing")
        elif type(entry[name]) is not kind:
            yield FieldProblem(f"{place}.{name}", f"must be {_WANTED[kind]}")
    if type(entry.get("version", 1)) is not int or entry.get("version", 1) != 1:
        yield FieldProblem(f"{place}.version", "must be 1")
    for name in sorted(set(entry) - {*_FIELDS, "version"}):
        yield FieldProblem(f"{place}.{name}", "is not known")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"a name is there twice among {', '.join(name for name, _ in pairs)}")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")
