"""The interface between the views of a stand-in and its store of stock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """One SKU in one store. ``version`` is 1 when it is made, and one more after each change."""

    store: str
    sku: str
    qty: int
    version: int
    updated_at: datetime


class Refused(Exception):
    """The request changes nothing. ``status`` is that of HTTP."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class Stock(Protocol):
    """Keeps records for threads of several processes. What it returns is durable."""

    def count(self, store: str, sku: str, qty: int) -> Record:
        """Set the quantity; make the record if there is none."""
        ...

    def adjust(self, store: str, sku: str, delta: int, key: str | None) -> Record:
        """Add ``delta``, and note the event; asked again with the same key, return what was returned.

        :raises Refused: there is no such record, too little of it, or the key was used for something else.
        """
        ...

    def record(self, store: str, sku: str) -> Record:
        """One record. :raises Refused: there is none."""
        ...

    def records(self, store: str) -> Sequence[Record]:
        """All records of a store."""
        ...


@dataclass(frozen=True, slots=True)
class Backing:
    """What is there before a stand-in is served.

    :ivar environment: tells its workers where that is.
    :ivar master: the process that serves beside them, with its children; ``None`` where there is none.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    master: int | None = None
