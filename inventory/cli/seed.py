"""``inventory seed``: initial stock, read and checked before anything is changed."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import click

from inventory.cli.folder import data_dir_option, existing_folder, service
from inventory.cli.terminal import EXIT_CODES, plural, progress_bar
from inventory.domain.commands import CountStock, Note, Precondition
from inventory.domain.errors import AlreadyExists, FieldProblem, ValidationFailed
from inventory.domain.values import ItemId, item_id, quantity
from inventory.service.stock import StockService

_FIELDS = {"storeId": str, "sku": str, "onHand": int}
_WANTED = {str: "a string", int: "a whole number"}


class SeedRow(NamedTuple):
    """The initial stock of one item."""

    item: ItemId
    on_hand: int


def shipped_seed() -> bytes:
    """Return the seed file that comes with the package; a checkout shows it as data/seed/store-inventory.json."""
    return (files("inventory") / "seed.json").read_bytes()


def parse_seed(content: bytes) -> list[SeedRow]:
    """Read a seed file.

    :raises ValidationFailed: names every invalid entry by its place, such as ``items[3].onHand``.
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
                    wrong = [FieldProblem(place, f"{row.item.sku} in {row.item.store} appears twice")]
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
        # Invalid UTF-8 is a ValueError too; endless nesting is a RecursionError.
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
        yield FieldProblem(f"{place}.{name}", "is not a known field")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"duplicate name among {', '.join(name for name, _ in pairs)}")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


_AT_ONCE = 16
_BETWEEN_REPORTS = 256
_NEW = Precondition(exists=False)


class SeedResult(NamedTuple):
    """How many records were created, and how many existed before and were left unchanged."""

    created: int
    kept: int


def apply_seed(stock: StockService, rows: Sequence[SeedRow], report: Callable[[int, int], None]) -> SeedResult:
    """Create every record that does not exist yet. Existing records are not changed, so this can be repeated.

    That needs no idempotency key, and a key would not be enough: it expires, and a record stays.

    :param report: called now and then with the rows done and the rows in total.
    :raises Unavailable: some rows may be applied, the others are not; run it again.
    """
    created = 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for start in range(0, len(rows), _BETWEEN_REPORTS):
            part = rows[start : start + _BETWEEN_REPORTS]
            # The rows of a SKU one after the other: with LOCKS_ENABLED at once they would contend for its lease.
            rows_of_sku: defaultdict[str, list[SeedRow]] = defaultdict(list)
            for row in part:
                rows_of_sku[row.item.sku].append(row)
            created += sum(pool.map(partial(_create, stock), rows_of_sku.values()))
            report(start + len(part), len(rows))
    return SeedResult(created, len(rows) - created)


def _create(stock: StockService, rows: Sequence[SeedRow]) -> int:
    created = 0
    for row in rows:
        # What exists is left as it is.
        with suppress(AlreadyExists):
            stock.change(CountStock(row.item, row.on_hand, _NEW, Note(reason="seed")))
            created += 1
    return created


_SHOWN = 100


@click.command("seed", epilog=EXIT_CODES)
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def seed_command(file: Path | None, data_dir: str | None, as_json: bool) -> None:
    """Create the records of a JSON FILE; by default the demo stock.

    The whole FILE is checked first, and nothing is changed if any of it is invalid. Existing records stay as they are,
    so the command can be repeated. May run beside servers.

    \b
    FILE: {"items": [{"storeId": "berlin-mitte", "sku": "MUG-BLUE", "onHand": 100}, …]}
    """  # noqa: D301 - click's own mark for "do not wrap"
    rows = read_rows(file)
    with service(existing_folder(data_dir)) as services:
        with progress_bar("seeding") as progress:
            created, kept = apply_seed(services.stock, rows, progress)
        sequence = services.ledger.status().sequence
    if as_json:
        click.echo(json.dumps({"created": created, "kept": kept, "asOfSequence": sequence}))
    else:
        click.echo(f"{plural(created, 'record')} created, {kept} already existed.")


def read_rows(file: Path | None) -> list[SeedRow]:
    """Read a seed file, or the one that comes with the package. :raises ClickException: names every invalid entry."""
    content = shipped_seed() if file is None else file.read_bytes()
    try:
        return parse_seed(content)
    except ValidationFailed as error:
        lines = [f"  {problem.field}: {problem.message}" for problem in error.problems[:_SHOWN]]
        more = len(error.problems) - len(lines)
        if more:
            lines.append(f"  … and {more} more")
        wrong = plural(len(error.problems), "invalid entry", "invalid entries")
        head = f"{file or 'the seed'} has {wrong}; nothing was changed:"
        raise click.ClickException("\n".join([head, *lines])) from error
