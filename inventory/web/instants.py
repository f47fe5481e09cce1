"""Instants as text."""

from datetime import datetime, timedelta

from inventory.domain.values import Instant

_EPOCH = datetime(1970, 1, 1)  # without a zone: it is formatted in three quarters of the time


def instant_text(at: Instant) -> str:
    """Write an instant as RFC 3339 in UTC, always with six digits of the second."""
    return (_EPOCH + timedelta(microseconds=at)).isoformat(timespec="microseconds") + "Z"
