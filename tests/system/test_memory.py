"""What the documents say that a record, a key, a hold and a store take in a worker, compared with a running server."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from support.running_server import Serve

from inventory.domain.commands import AdjustStock, CountStock, WantedLine
from inventory.domain.hold_commands import Command, HoldStock, ReleaseHold, reserve_one
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.values import ItemId, Sku, StoreId
from inventory.service.ports.change_queue import Submission
from inventory.service.submission import deciding
from inventory.settings import Settings
from inventory.wiring import build_services, prepare

PAGE = (Path(__file__).parents[2] / "docs/internals/memory.md").read_text(encoding="utf-8")
AT_ONCE = 500
MANY = 1_000_000

Wanted = tuple[Command, IdempotencyKey | None]


def item(number: int = 0, store: int = 0) -> ItemId:
    return ItemId(StoreId(f"store-{store:05d}"), Sku(f"sku-{number:07d}"))


def records(number: int) -> Iterator[Wanted]:
    """So many in one store, each of its own SKU."""
    return ((CountStock(item(count), 1), None) for count in range(number))


def stores(number: int) -> Iterator[Wanted]:
    """So many, with one record each, which is of its own SKU."""
    return ((CountStock(item(count, count), 1), None) for count in range(number))


def keys(number: int) -> Iterator[Wanted]:
    yield CountStock(item(), 1), None
    for count in range(number):
        yield AdjustStock(item(), 1), IdempotencyKey(f"{count:036d}", f"{count:032x}")


def open_holds(number: int) -> Iterator[Wanted]:
    yield CountStock(item(), MANY), None
    for count in range(number):
        yield reserve_one(item(), 1, f"{count:036d}", ttl_ms=86_400_000), None


def wide_holds(number: int) -> Iterator[Wanted]:
    """So many of eleven lines."""
    lines = [WantedLine(item(count), 1) for count in range(11)]
    for line in lines:
        yield CountStock(line.item, MANY), None
    for count in range(number):
        yield HoldStock(f"{count:036d}", tuple(lines), 86_400_000), None


def ended_holds(number: int) -> Iterator[Wanted]:
    yield CountStock(item(), MANY), None
    for count in range(number):
        yield reserve_one(item(), 1, f"{count:036d}", ttl_ms=86_400_000), None
        yield ReleaseHold(f"{count:036d}", (item(),)), None


def write_log(data_dir: Path, wanted: Iterable[Wanted]) -> None:
    """Have a ledger carry these changes out, so that they stand in the folder's log."""
    data_dir.mkdir()
    # Patient: twice, a group of a run beside other tests has taken more than the usual two seconds.
    settings = replace(Settings(), data_dir=data_dir, commit_wait_ms=60_000)
    prepare(settings)
    services = build_services(settings)
    try:
        rest = iter(wanted)
        while some := list(islice(rest, AT_ONCE)):
            changes = [Submission(command.entities, deciding(command), key) for command, key in some]
            for ticket in services.ledger.submit_all(changes):
                ticket.wait()
    finally:
        services.close()


def documented(what: str) -> int:
    """The bytes that the page gives for a thing in each worker."""
    found = re.search(rf"^\| {re.escape(what)}, in each worker \| about ([0-9,]+) bytes", PAGE, re.MULTILINE)
    assert found is not None, what
    return int(found[1].replace(",", ""))


def memory_of(serve: Serve, data_dir: Path) -> int:
    """What the only worker of a server takes that has started on this folder."""
    server = serve(at=data_dir, WEB_CONCURRENCY=1, SNAPSHOT_EVERY_N_EVENTS=10**9, SYNC_MODE="off")
    with server.client() as client:
        (memory,) = client.get("/metrics").json["workerMemoryBytes"].values()
    assert server.end() == 0
    return int(memory)


def test_what_the_defaults_may_take_is_what_the_table_and_the_settings_make():
    settings = Settings()
    records = settings.max_records * documented("a record")
    holds = settings.max_open_reservations * documented("an open hold of one line")
    keys = 1000 * settings.idemp_ttl_ms // 1000 * documented("a remembered key")
    told = " ".join(PAGE.split())
    assert f"is {records / 1e9:.1f} GB in each worker, " in told
    assert f"is {holds / 1e9:.1f} GB with one line each, " in told
    assert f"for an hour are {keys / 1e6:.0f} MB." in told


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("make", "number", "parts"),
    [
        (records, 60_000, {"a record": 1}),
        (stores, 30_000, {"a store": 1, "a record": 1}),
        (keys, 100_000, {"a remembered key": 1}),
        (open_holds, 20_000, {"an open hold of one line": 1}),
        (wide_holds, 5000, {"an open hold of one line": 1, "each further line of an open hold": 10}),
        (ended_holds, 30_000, {"an ended hold": 1}),
    ],
)
def test_a_running_server_takes_what_is_documented(
    serve: Serve, tmp_path: Path, make: Callable[[int], Iterator[Wanted]], number: int, parts: dict[str, int]
):
    write_log(tmp_path / "full", make(number))
    grown = memory_of(serve, tmp_path / "full") - memory_of(serve, tmp_path / "empty")
    expected = sum(times * documented(what) for what, times in parts.items())
    assert grown / number == pytest.approx(expected, rel=0.25)
