"""Make a log with a long history, in the service's own format: any number of records and events, in minutes."""

from collections.abc import Callable, Iterator
from pathlib import Path

from bench.traffic import START, STORE, sku_name
from inventory.domain.commands import Note
from inventory.domain.events import Event, Line
from inventory.domain.values import Instant, ItemId, Sku, StoreId
from inventory.eventlog.layout import Layout
from inventory.eventlog.line import GENESIS, encode
from inventory.service.event_ids import uuid7

_BEGAN = Instant(1_767_225_600_000_000)
_IN_A_BATCH = 8
_BATCH_TAKES = 4000
_SEGMENT_BYTES = 67_108_864


def make_log(
    data_dir: Path, records: int, events: int, deltas: tuple[int, ...], made: Callable[[int], None] = lambda _: None
) -> None:
    """Write ``events`` events in an empty folder: a count for each record, then changes, spread over ``deltas``.

    Each change of SKU ``i`` adds ``deltas[i]``, as those do that the traffic asks for.

    :param made: told of each so many events.
    """
    layout = Layout(data_dir)
    layout.events.mkdir(parents=True)
    to_come, chain = _events(records, events, deltas), GENESIS
    event = next(to_come, None)
    while event is not None:
        with open(layout.segment(event.sequence), "wb") as file:
            while event is not None and file.tell() < _SEGMENT_BYTES:
                line, chain = encode(event, chain)
                file.write(line)
                if event.sequence % 10_000 == 0:
                    made(event.sequence)
                event = next(to_come, None)


def _events(records: int, events: int, deltas: tuple[int, ...]) -> Iterator[Event]:
    latest: list[tuple[int, int]] = []  # version and sequence of those that change again
    for sequence in range(1, events + 1):
        number = sequence - 1
        if number < records:
            line, kind = Line(_item(number), START, 0, START, 0, 1), "stock.counted"
            if number < len(deltas):
                latest.append((1, sequence))
        else:
            number = (number - records) % len(deltas)
            version, previous = latest[number]
            delta, kind = deltas[number], "stock.adjusted"
            line = Line(_item(number), delta, 0, START + delta * version, 0, version + 1, previous)
            latest[number] = version + 1, sequence
        at = Instant(_BEGAN + sequence // _IN_A_BATCH * _BATCH_TAKES)
        note = Note("anonymous", f"{sequence:032x}", None, None)
        synced = max(0, sequence - 2 * _IN_A_BATCH)
        yield Event(sequence, uuid7(at), kind, at, "shop-server", note, (line,), synced=synced)


def _item(number: int) -> ItemId:
    return ItemId(StoreId(STORE), Sku(sku_name(number)))
