"""The lowest pace at which a client may read its answer."""

FLOOR = 64 * 1024
"""Bytes a second."""


class Pace:
    """A client must take something in each ``patience`` seconds, and ``FLOOR`` bytes a second after the first of them.

    :ivar checked_every: how often to look, in seconds.
    """

    __slots__ = ("_begun", "_moved", "_patience", "_taken", "checked_every")

    def __init__(self, patience: float, now: float) -> None:
        """:param patience: in seconds; :param now: a monotonic clock's, as everywhere here."""
        self._patience = patience
        self._begun = self._moved = now
        self._taken = 0
        self.checked_every = min(0.5, patience / 4)

    def is_too_slow(self, taken: int, now: float) -> bool:
        """Whether the client, which has taken so many bytes by now, is to be given up."""
        if taken > self._taken:
            self._taken, self._moved = taken, now
        return now >= min(self._moved, self._begun + self._taken / FLOOR) + self._patience
