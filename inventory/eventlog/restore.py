"""Reading snapshots; what does not end in its own hash is none. The format stands in `snapshot`."""

import sys
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from inventory.domain.dead_letter import Break, Figures
from inventory.domain.idempotency import KeyEntry
from inventory.domain.instants import parse_instant
from inventory.domain.record import Policy, Record
from inventory.domain.sku_stock import SkuTotals, WideSku
from inventory.domain.state import State
from inventory.domain.values import Instant, ItemId, Sku, StoreId
from inventory.eventlog.reader import Cursor, place_of
from inventory.eventlog.reservation_json import kept_from_json
from inventory.eventlog.shared_state import Position
from inventory.eventlog.snapshot import FORMAT, footer

_READ = (2, FORMAT)


class NotASnapshot(Exception):
    """The file does not hold what was written to it."""


class Restored(NamedTuple):
    """A state that was read from a snapshot, and where the log goes on behind it."""

    state: State
    cursor: Cursor
    newer_format: int | None


class Start(NamedTuple):
    """Where the log goes on behind a snapshot, and the instant of the last event before that."""

    cursor: Cursor
    at: Instant


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
            raise NotASnapshot("it does not end in its own hash")
    start = _start(header)
    state.reservations.sort()
    state.sequence, state.last_at = start.cursor.position.sequence, start.at
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
        raise NotASnapshot("it does not end in its own hash")


def _header(line: bytes, digest: "blake2b") -> dict[str, Any]:
    header = _parsed(line, digest)
    # What an older program makes of newer lines is the stock alone: the rest of its snapshot lies behind.
    if header.get("snapshot") not in _READ or (header["snapshot"] < FORMAT and header["newerFormat"] is not None):
        raise NotASnapshot(f"format {header.get('snapshot')} is not one that this program reads")
    return header


def _start(header: dict[str, Any]) -> Start:
    position = Position(header["segment"], header["offset"], header["sequence"])
    return Start(Cursor(position, bytes.fromhex(header["chain"])), parse_instant(header["at"]))


def _parsed(line: bytes, digest: "blake2b") -> dict[str, Any]:
    digest.update(line)
    try:
        parsed = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise NotASnapshot(f"a line is not JSON: {error}") from error
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
                raise NotASnapshot(f"a line of {name} is not known")
    except (KeyError, TypeError, ValueError) as error:
        raise NotASnapshot(f"a line is not what was written: {error}") from error
    return len(entries)
