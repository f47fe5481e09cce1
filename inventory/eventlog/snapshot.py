"""Snapshots: the fold up to a sequence, as a file.

    {"snapshot":3,"sequence":…,"segment":…,"offset":…,"chain":"…","at":"…","newerFormat":null}
    {"records":[["store","sku",onHand,reserved,version,sequence,updatedAt,policy],…]}      at most 50 in a line
    {"reservations":[["id",sequence,{…}],…]}                         in the order they were made; see `reservation_json`
    {"keys":[["<digest>",segment,offset,ends],…]}                                            ends is null for deliveries
    {"broken":[["store","sku",sequence,onHand,reserved,version],…]}     the figures before the event, if they are known
    {"central":[["sku",["store",…]],…]}                     in an image for an audit; elsewhere it follows from records
    {"totals":[["sku",stores,qty,reserved,onHand],…]}          likewise: the sums of each SKU that many stores have
    {"count":<entries>,"hash":"<BLAKE2b-128 of every byte before the comma>"}

The header says where in the log to go on, and with which chain. Whatever does not end in its own hash
is not a snapshot. Format 2 had the lines of ended reservations, too; it is read, unless its program met lines of a
newer format, of whose reservations it knew nothing. Format 1 had no reservations at all, and is not used.
"""

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from typing import Any, NamedTuple

import orjson

from inventory.domain.dead_letter import Break
from inventory.domain.idempotency import FiledKeys
from inventory.domain.instants import format_instant
from inventory.domain.record import Record
from inventory.domain.reservation import Hold, Reservation
from inventory.domain.reservation_table import HoldCopy
from inventory.domain.sku_stock import SkuTotals
from inventory.domain.state import State
from inventory.domain.values import Instant, ItemId
from inventory.eventlog.reader import Cursor, apart
from inventory.eventlog.reservation_json import kept_as_json

FORMAT = 3
AT_ONCE = 50
"""Entries in a line: more at a time hold the interpreter for so long that requests notice."""
HELD_LINES_AT_ONCE = 500
"""Of open reservations, after which a line ends, too."""


class Image(NamedTuple):
    """A copy of a state, which later events do not change, and where the log goes on behind it."""

    cursor: Cursor
    at: Instant
    newer_format: int | None
    records: list[Record]
    reservations: HoldCopy
    keys: FiledKeys
    broken: list[tuple[ItemId, Break]]
    central: list[tuple[str, tuple[ItemId, ...]]]
    totals: list[tuple[str, SkuTotals]]


def image_of(state: State, cursor: Cursor, newer_format: int | None) -> Image:
    """Copy a state. The caller holds it still meanwhile; records are immutable and are not copied."""
    return Image(
        cursor,
        state.last_at,
        newer_format,
        list(state.records.values()),
        state.reservations.copy(),
        state.keys.copy(),
        list(state.broken.items()),
        [],
        [],
    )


def image_for_audit(state: State, cursor: Cursor) -> Image:
    """Copy what is compared with the log: the central view and its sums as they are, but no keys. See ``image_of``."""
    return Image(
        cursor,
        state.last_at,
        None,
        list(state.records.values()),
        state.reservations.copy(),
        FiledKeys(),
        list(state.broken.items()),
        list(state.central().items()),
        list(state.running_totals().items()),
    )


def encode_image(image: Image, pause: Callable[[], None]) -> Iterator[bytes]:
    """Yield the file, a line at a time, with a pause after each."""
    digest, count = blake2b(digest_size=16), 0
    for line, entries in _lines(image):
        digest.update(line)
        count += entries
        yield line
        pause()
    yield footer(b'{"count":%d' % count, digest)


def footer(count: bytes, digest: "blake2b") -> bytes:
    """The last line of a snapshot whose bytes so far ``digest`` has seen."""
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
