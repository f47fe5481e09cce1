"""Instants as text: RFC 3339 in UTC, always with microseconds, so that text sorts as time does."""

from datetime import UTC, datetime, timedelta

from inventory.domain.values import Instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def format_instant(at: Instant) -> str:
    """``2026-11-22T14:38:20.123456Z``"""
    return f"{(_EPOCH + timedelta(microseconds=at)).isoformat(timespec='microseconds')[:-6]}Z"


def parse_instant(text: str) -> Instant:
    """The reverse of ``format_instant``; takes any RFC 3339 offset.

    :raises ValueError: not such a text.
    """
    return Instant((datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND)
