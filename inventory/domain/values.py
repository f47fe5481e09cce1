"""Identifiers, quantities and instants: their rules, and instants as text."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, NewType, TypeAlias

from inventory.domain.errors import FieldProblem, ValidationFailed

Sku = NewType("Sku", str)
StoreId = NewType("StoreId", str)
Version = NewType("Version", int)
"""Place in the history of one record: 1, 2, 3 … without gaps."""
Quantity = NewType("Quantity", int)
"""A number of units, 0 … MAX_QUANTITY."""
Instant = NewType("Instant", int)
"""Microseconds since 1970-01-01 UTC."""

MAX_QUANTITY = 10**12
MAX_TEXT = 200
"""Characters of a reason or a reference."""
MAX_IDENTIFIER = 64
"""Characters of a SKU or a store id."""
IDENTIFIER_PATTERN = rf"[A-Za-z0-9][A-Za-z0-9._:-]{{0,{MAX_IDENTIFIER - 1}}}"
IDENTIFIER_RULE = (
    f"must be 1 to {MAX_IDENTIFIER} ASCII letters, digits, '.', '_', '-' or ':', and begin with a letter or a digit"
)
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_IDENTIFIER = re.compile(IDENTIFIER_PATTERN, re.ASCII)


class ItemId(NamedTuple):
    """One SKU in one store: the id of a record."""

    store: StoreId
    sku: Sku


class ReservationId(NamedTuple):
    """The id of a reservation."""

    id: str


EntityId: TypeAlias = ItemId | ReservationId
"""The id of anything that a change can touch."""


def is_identifier(text: str) -> bool:
    """Whether ``text`` may be a SKU or a store id."""
    return _IDENTIFIER.fullmatch(text) is not None


def item_id(store: str, sku: str) -> ItemId:
    """Make an ``ItemId`` from text that came from outside.

    :raises ValidationFailed: names each of the two that breaks ``IDENTIFIER_RULE``.
    """
    given = {"storeId": store, "sku": sku}
    wrong = tuple(FieldProblem(name, IDENTIFIER_RULE) for name, text in given.items() if not is_identifier(text))
    if wrong:
        raise ValidationFailed(wrong)
    return ItemId(StoreId(store), Sku(sku))


def quantity(number: int, field: str) -> Quantity:
    """Make a ``Quantity`` from a number that came from outside.

    :raises ValidationFailed: it is below zero or above ``MAX_QUANTITY``.
    """
    if not 0 <= number <= MAX_QUANTITY:
        raise ValidationFailed((FieldProblem(field, f"must be between 0 and {MAX_QUANTITY}"),))
    return Quantity(number)


def text_problem(text: str) -> str | None:
    """The problem of a reason or a reference that came from outside; ``None`` if it is valid."""
    if len(text) > MAX_TEXT:
        return f"must be at most {MAX_TEXT} characters"
    if _UNPRINTABLE.search(text):
        return "must not contain control characters, line breaks or lone surrogates"
    return None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # formatted in half the time of one with a zone
_MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=64)
def format_instant(at: Instant) -> str:
    """``2026-11-22T14:38:20.123456Z``. All events of a commit group share an instant, hence the small cache."""
    return (_NAIVE_EPOCH + timedelta(microseconds=at)).isoformat(timespec="microseconds") + "Z"


@lru_cache(maxsize=64)
def parse_instant(text: str) -> Instant:
    """The reverse of ``format_instant``; accepts any RFC 3339 offset. A log has the same instant in many lines.

    :raises ValueError: the text is not an instant.
    """
    return Instant((datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND)
