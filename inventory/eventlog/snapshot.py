"""Snapshots: the fold up to a sequence, as a file.

    {"snapshot":3,"sequence":…,"segment":…,"offset":…,"chain":"…","at":"…","newerFormat":null,
     "ledgerId":"…","timelineId":"…"}                                  not in those of earlier versions; see `timeline`
    {"records":[["store","sku",onHand,reserved,version,sequence,updatedAt,policy],…]}      at most 50 in a line
    {"reservations":[["id",sequence,{…}],…]}                         in the order they were made; see `reservation_json`
    {"keys":[["<digest>",segment,offset,ends],…]}                                            ends is null for deliveries
    {"broken":[["store","sku",sequence,onHand,reserved,version],…]}     the figures before the event, if they are known
    {"central":[["sku",["store",…]],…]}                     in an image for an audit; elsewhere it follows from records
    {"totals":[["sku",stores,qty,reserved,onHand],…]}          likewise: the sums of each SKU that many stores have
    {"count":<entries>,"hash":"<BLAKE2b-128 of every byte before the comma>"}

The header says where in the log to continue, and with which chain. A file that does not end in its own hash is not a
snapshot. Format 2 also had the lines of ended reservations; it is read, unless its program found lines of a newer
format, whose reservations it did not know. Format 1 had no reservations, and is not used.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from inventory.domain.dead_letter import Break, Figures
from inventory.domain.key_table import KeyEntry
from inventory.domain.record import Policy, Record
from inventory.domain.reservation import Hold, Reservation
from inventory.domain.sku_stock import SkuTotals, WideSku
from inventory.domain.state import LedgerIds, State
from inventory.domain.values import Instant, ItemId, Sku, StoreId, format_instant, parse_instant
from inventory.eventlog.image import Image
from inventory.eventlog.log_reader import Cursor, apart, place_of
from inventory.eventlog.reservation_json import kept_as_json, kept_from_json
from inventory.eventlog.shared_header import Position

FORMAT = 3
AT_ONCE = 50
"""Entries in a line: more would block the interpreter long enough to delay requests."""
HELD_LINES_AT_ONCE = 500
"""Lines of open reservations, after which a line of the snapshot ends, too."""


def encode_image(image: Image, pause: Callable[[], None]) -> Iterator[bytes]:
    """Yield the file line by line, with a pause after each."""
    digest, count = blake2b(digest_size=16), 0
    for line, entries in _lines(image):
        digest.update(line)
        count += entries
        yield line
        pause()
    yield footer(b'{"count":%d' % count, digest)


def footer(count: bytes, digest: "blake2b") -> bytes:
    """The last line of a snapshot; ``digest`` covers all bytes before it."""
    digest.update(count)
    return count + b',"hash":"' + digest.hexdigest().encode() + b'"}\n'


def _lines(image: Image) -> Iterator[tuple[bytes, int]]:
    position, chain = image.cursor
    header = {
        "snapshot": FORMAT,
        "sequence": position.sequence,
        "segment": position.segment,
        "offset": position.offset,
        "chain": chain.hex(),
        "at": format_instant(image.at),
        "newerFormat": image.newer_format,
        "ledgerId": image.ids.ledger_id,
        "timelineId": image.ids.timeline_id,
    }
    yield orjson.dumps(header) + b"\n", 0
    yield from _list_lines("records", map(_record_entry, image.records))
    yield from _hold_lines(image.reservations)
    yield from _list_lines(
        "keys", ((f"{digest:032x}", *apart(place), ends) for digest, place, ends in image.keys.entries())
    )
    yield from _list_lines("broken", ((*item, at.sequence, *(at.before or ())) for item, at in image.broken))
    yield from _list_lines("central", ((sku, [item.store for item in items]) for sku, items in image.central))
    yield from _list_lines("totals", ((sku, *totals) for sku, totals in image.totals))


def _record_entry(record: Record) -> tuple[Any, ...]:
    item, *figures, policy = record
    return (*item, *figures, policy and tuple(policy))


def _hold_lines(holds: Iterable[Hold]) -> Iterator[tuple[bytes, int]]:
    some, lines = list[tuple[Any, ...]](), 0
    for hold in holds:
        some.append((hold.reservation_id, hold.sequence, kept_as_json(hold)))
        lines += hold.line_count if isinstance(hold, Reservation) else 0
        if len(some) == AT_ONCE or lines >= HELD_LINES_AT_ONCE:
            yield from _list_lines("reservations", some)
            some, lines = [], 0
    yield from _list_lines("reservations", some)


def _list_lines(name: str, entries: Iterable[tuple[Any, ...]]) -> Iterator[tuple[bytes, int]]:
    rest = iter(entries)
    while some := list(islice(rest, AT_ONCE)):
        yield orjson.dumps({name: some}) + b"\n", len(some)


_READ = (2, FORMAT)


class NotASnapshot(Exception):
    """The file is damaged, or has another format."""


class Restored(NamedTuple):
    """A state that was read from a snapshot, and where the log continues after it.

    The state has no ids if it was written by an earlier version; see `timeline`.
    """

    state: State
    cursor: Cursor
    newer_format: int | None


class Start(NamedTuple):
    """Where the log continues after a snapshot, the instant of the last event before that, and the ids up to it.

    An earlier version wrote no ids.
    """

    cursor: Cursor
    at: Instant
    ids: LedgerIds


def restore_image(path: Path) -> Restored:
    """Read a snapshot.

    :raises NotASnapshot: it is damaged, or of a newer format.
    :raises OSError: it cannot be read.
    """
    state, digest, count = State(), blake2b(digest_size=16), 0
    central, kept = dict[str, tuple[ItemId, ...]](), dict[str, WideSku]()
    with open(path, "rb") as file:
        header, line = _header(file.readline(), digest), b""
        for line in file:
            if line.startswith(b'{"count"'):
                break
            count += _restore_line(state, central, kept, _parsed(line, digest))
        if line != footer(b'{"count":%d' % count, digest) or file.read(1):
            raise NotASnapshot("its hash does not match")
    start = _start(header)
    state.reservations.sort()
    state.sequence, state.last_at = start.cursor.position.sequence, start.at
    state.ledger_id, state.timeline_id = start.ids
    if central:
        state.items_of_sku, state.wide = central, kept
    return Restored(state, start.cursor, header["newerFormat"])


def read_start(path: Path) -> Start:
    """Read the header of a snapshot that was checked.

    :raises NotASnapshot: it is of a newer format.
    """
    with open(path, "rb") as file:
        return _start(_header(file.readline(), blake2b(digest_size=16)))


def check_image(path: Path, pause: Callable[[], None]) -> None:
    """Check that a file ends in its own hash, without building anything from it.

    :raises NotASnapshot: it does not.
    """
    digest, last = blake2b(digest_size=16), b""
    with open(path, "rb") as file:
        for line in file:
            digest.update(last)
            last = line
            pause()
    if last != footer(last[: last.find(b",")], digest):
        raise NotASnapshot("its hash does not match")


def _header(line: bytes, digest: "blake2b") -> dict[str, Any]:
    header = _parsed(line, digest)
    # An older program takes only the stock from newer lines: the rest of its snapshot is stale.
    if header.get("snapshot") not in _READ or (header["snapshot"] < FORMAT and header["newerFormat"] is not None):
        raise NotASnapshot(f"format {header.get('snapshot')} is unknown to this program")
    return header


def _start(header: dict[str, Any]) -> Start:
    position = Position(header["segment"], header["offset"], header["sequence"])
    ids = LedgerIds(header.get("ledgerId"), header.get("timelineId"))
    return Start(Cursor(position, bytes.fromhex(header["chain"])), parse_instant(header["at"]), ids)


def _parsed(line: bytes, digest: "blake2b") -> dict[str, Any]:
    digest.update(line)
    try:
        parsed = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise NotASnapshot(f"a line is not valid JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise NotASnapshot("a line is not an object")
    return parsed


def _restore_line(
    state: State, central: dict[str, tuple[ItemId, ...]], kept: dict[str, WideSku], line: dict[str, Any]
) -> int:
    try:
        ((name, entries),) = line.items()
        match name:
            case "records":
                for store, sku, on_hand, reserved, version, sequence, at, policy in entries:
                    item = ItemId(StoreId(sys.intern(store)), Sku(sku))
                    state.restore(Record(item, on_hand, reserved, version, sequence, at, policy and Policy(*policy)))
            case "reservations":
                for reservation_id, sequence, fields in entries:
                    state.reservations.put(kept_from_json(reservation_id, sequence, fields))
            case "keys":
                for digest, segment, offset, ends in entries:
                    state.keys.restore(KeyEntry(int(digest, 16), place_of(segment, offset), ends))
            case "broken":
                # Without figures in a snapshot of version 0.1.0.
                for store, sku, sequence, *before in entries:
                    at = Break(sequence, Figures(*before) if before else None)
                    state.broken[ItemId(StoreId(store), Sku(sku))] = at
            case "central":
                central.update(
                    (sku, tuple(ItemId(StoreId(store), Sku(sku)) for store in stores)) for sku, stores in entries
                )
            case "totals":
                kept.update((sku, WideSku.as_kept(central.get(sku, ()), SkuTotals(*sums))) for sku, *sums in entries)
            case _:
                raise NotASnapshot(f"unknown line {name}")
    except (KeyError, TypeError, ValueError) as error:
        raise NotASnapshot(f"invalid line: {error}") from error
    return len(entries)
