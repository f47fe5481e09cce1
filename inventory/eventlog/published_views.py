"""The published views, for people and other programs. The service never reads them back."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from inventory.domain.errors import StorageUnavailable
from inventory.eventlog.layout import Layout
from inventory.eventlog.shared_header import SharedHeader
from inventory.resilience.disk import Disk, replace_file
from inventory.resilience.process_lock import process_lock
from inventory.resilience.retry import RetryPolicy
from inventory.service.ports.published_views import SyncStatus
from inventory.service.ports.stock_reads import StockWalk, every

_AT_ONCE = 50
_HEAD = re.compile(rb'\{"asOfSequence":([0-9]{1,19}),')


class PublishedViews:
    """``store-inventory.json`` and ``central-inventory.json``, replaced atomically, with one entry in each line.

    ``{"asOfSequence": n, "records": [{storeId, sku, qty, reserved, onHand, version}, …]}`` and
    ``{"asOfSequence": n, "skus": [{sku, qty, reserved, onHand, stores: [{storeId, qty}, …]}, …]}``,
    both in the order in which the log first names the items: sorting a million records would block the interpreter for
    a second.
    """

    def __init__(self, layout: Layout, shared: SharedHeader, disk: Disk, retry: RetryPolicy) -> None:
        self._layout = layout
        self._shared = shared
        self._disk = disk
        self._retry = retry

    def lock(self, *, wait_ms: int) -> AbstractContextManager[bool]:
        """See ``Views.lock``."""
        return process_lock(self._layout.publish_lock, wait_ms=wait_ms)

    def publish(self, stock: StockWalk) -> None:
        """See ``Views.publish``."""
        try:
            for view in (STORE_VIEW, CENTRAL_VIEW):
                path, content = view.path(self._layout), partial(self._pieces, view, stock)
                # No other process publishes now: these files are from killed publishers.
                for left in path.parent.glob(f".{path.name}.*.tmp"):
                    left.unlink(missing_ok=True)
                replace_file(path, content, disk=self._disk, retry=self._retry)
                self._disk.reach("in-publish")
        except OSError as error:
            raise StorageUnavailable(f"cannot publish the views: {error}", outcome="none") from error

    def status(self) -> SyncStatus:
        """See ``Views.status``."""
        status = self._shared.views()
        # A deleted file contains nothing, whatever was published before.
        there = all(view.path(self._layout).exists() for view in (STORE_VIEW, CENTRAL_VIEW))
        return status if there else status._replace(sequence=-1)

    def note(self, status: SyncStatus) -> None:
        """See ``Views.note``."""
        self._shared.note_views(status)

    def _pieces(self, view: "View", stock: StockWalk) -> Iterator[bytes]:
        for piece in document(view, stock):
            yield piece
            self._disk.reach("in-publish")


def _store_entries(stock: StockWalk) -> Iterator[list[dict[str, Any]]]:
    """The entries of ``store-inventory.json``, in parts."""
    for records in every(stock.records, _AT_ONCE):
        yield [
            {
                "storeId": record.item.store,
                "sku": record.item.sku,
                "qty": record.qty,
                "reserved": record.reserved,
                "onHand": record.on_hand,
                "version": record.version,
            }
            for record in records
        ]


def _central_entries(stock: StockWalk) -> Iterator[list[dict[str, Any]]]:
    """The entries of ``central-inventory.json``, in parts."""
    for skus in every(stock.skus, _AT_ONCE):
        yield [
            {
                "sku": sku,
                "qty": sum(record.qty for record in records),
                "reserved": sum(record.reserved for record in records),
                "onHand": sum(record.on_hand for record in records),
                "stores": [{"storeId": record.item.store, "qty": record.qty} for record in records],
            }
            for sku, records in skus
        ]


def published_sequence(layout: Layout) -> int:
    """The highest sequence in a published file; 0 if there is none.

    Only durable events are published, so the log must reach at least as far.
    """
    found = [0]
    for view in (STORE_VIEW, CENTRAL_VIEW):
        path = view.path(layout)
        if path.exists():
            with open(path, "rb") as file:
                head = _HEAD.match(file.read(64))
            if head is not None:
                found.append(int(head[1]))
    return max(found)


class View(NamedTuple):
    """One published file: its path, the name of its list, and its entries."""

    path: Callable[[Layout], Path]
    name: str
    entries: Callable[[StockWalk], Iterator[list[dict[str, Any]]]]


STORE_VIEW = View(lambda layout: layout.store_view, "records", _store_entries)
CENTRAL_VIEW = View(lambda layout: layout.central_view, "skus", _central_entries)


def document(view: View, stock: StockWalk) -> Iterator[bytes]:
    """The content of the file, which follows from the log alone."""
    yield b'{"asOfSequence":%d,"%s":[' % (stock.as_of_sequence, view.name.encode())
    separator = b"\n"
    for some in view.entries(stock):
        yield separator + b",\n".join([orjson.dumps(entry) for entry in some])
        separator = b",\n"
    yield b"\n]}\n"
