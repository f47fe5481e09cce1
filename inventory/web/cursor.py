"""Cursors: where a page ended, as text that needs no escaping in a URL."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

from inventory.domain.values import is_identifier

_LONGEST = 88


def cursor_of_name(name: str) -> str:
    """Make the cursor of a page whose last entry has this name."""
    return urlsafe_b64encode(name.encode()).rstrip(b"=").decode()


def name_of_cursor(text: str) -> str | None:
    """Return the name that a cursor stands for; ``None`` if it is no cursor that was ever given out."""
    if len(text) > _LONGEST or not text.isascii():
        return None
    try:
        name = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    # Decoding skips what it does not know; only the one spelling that encoding makes is a cursor.
    return name if is_identifier(name) and cursor_of_name(name) == text else None
