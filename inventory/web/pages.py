"""Pages of lists, of at most 4 MiB, and cursors: the end of a page, as text for a URL."""

import binascii
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import orjson

from inventory.domain.values import is_identifier
from inventory.service.ports.stock_reads import Page
from inventory.web.answers import Answer, Headers, json_answer
from inventory.web.request_limits import MOST_BYTES, LargeRead

MAX_PAGE = 1000
"""The maximum number of entries that a client may ask for."""
_LONGEST = 88


def cursor_of_name(name: str) -> str:
    """Make the cursor of a page whose last entry has this name."""
    return urlsafe_b64encode(name.encode()).rstrip(b"=").decode()


def name_of_cursor(text: str) -> str | None:
    """Return the name that a cursor stands for; ``None`` if this service never returns such a cursor."""
    if len(text) > _LONGEST or not text.isascii():
        return None
    try:
        name = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    # Decoding ignores invalid characters; only the spelling that encoding produces is a cursor.
    return name if is_identifier(name) and cursor_of_name(name) == text else None


T = TypeVar("T")


class Told(Protocol):
    """The result of a read, as of one event."""

    @property
    def as_of_sequence(self) -> int:
        """The sequence of that event."""

    @property
    def withheld(self) -> bool:
        """Whether there are later events that are not known to be durable."""


_FRAME_BYTES = 1024
"""Room for what surrounds the entries."""
_AT_ONCE = 32
"""Entries after which other threads get a chance: a long list would keep the interpreter."""


class Fitted(NamedTuple):
    """A list as JSON, and the number of its entries."""

    encoded: orjson.Fragment
    many: int


def fitted(entries: Sequence[T], body_of: Callable[[T], dict[str, Any]], read: LargeRead) -> Fitted:
    """Encode as many entries as fit into a body: at least one, if there is one.

    :raises Overloaded: the list is large, and too many large reads are in progress.
    """
    read.has(entries=len(entries))
    # Copied into one buffer: each result of orjson keeps about 4 KB, however short it is.
    encoded, count = bytearray(b"["), 0
    for entry in entries:
        piece = orjson.dumps(body_of(entry))
        if count and _FRAME_BYTES + len(encoded) + len(piece) > MOST_BYTES:
            break
        encoded += piece
        encoded += b","
        count += 1
        read.has(size=len(encoded))
        if not count % _AT_ONCE:
            time.sleep(0)
    encoded[-1 if count else 1 :] = b"]"
    return Fitted(orjson.Fragment(bytes(encoded)), count)


def page_answer(
    page: Page[T],
    body_of: Callable[[T], dict[str, Any]],
    after_of: Callable[[T], str],
    cursor_of: Callable[[str], str],
    read: LargeRead,
) -> Answer:
    """Answer with a page, shortened if it does not fit into a body.

    :param after_of: the position after an entry, where the next page begins. :param cursor_of: its cursor.
    """
    items = fitted(page.items, body_of, read)
    next_after = page.next_after if items.many == len(page.items) else after_of(page.items[items.many - 1])
    cursor = None if next_after is None else cursor_of(next_after)
    body = {"items": items.encoded, "nextCursor": cursor, "asOfSequence": page.as_of_sequence}
    return json_answer(body, headers=withheld_after(page))


def withheld_after(told: Told) -> Headers:
    """The header with the sequence after which events are withheld, if there are any."""
    return (("Withheld-After", str(told.as_of_sequence)),) if told.withheld else ()
