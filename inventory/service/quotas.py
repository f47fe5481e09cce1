"""Quotas of records, stores and open reservations: what is used, and what one change would add."""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from inventory.domain.errors import Refusal
from inventory.domain.events import Line
from inventory.domain.state import State

NEAR = 0.8
"""A warning is logged from this part of a quota on."""
_NO_LONGER_NEAR = 0.75
_log = logging.getLogger("inventory.quotas")


class Sizes(NamedTuple):
    """What a process keeps in memory; the same in every process."""

    records: int = 0
    stores: int = 0
    keys: int = 0
    open_reservations: int = 0
    ended_reservations: int = 0


class Quotas(NamedTuple):
    """The maximum number of each. What exists already is never refused."""

    records: int = 20_000_000
    stores: int = 200_000
    open_reservations: int = 5_000_000


class Use(NamedTuple):
    """The use of one quota. :ivar quota: the name of its setting. :ivar counted: what it counts."""

    quota: str
    counted: str
    current: int
    limit: int

    def is_near(self, part: float = NEAR) -> bool:
        """Whether at least this part of it is used."""
        return self.current >= part * self.limit

    def __str__(self) -> str:
        return f"{self.quota}: {self.current} of {self.limit} {self.counted}"


class QuotaExceeded(Refusal):
    """The change would exceed a quota. What exists already can still be changed.

    :ivar quota: the name of the setting. :ivar current: the number that exists.
    """

    def __init__(self, quota: str, counted: str, current: int, more: int, limit: int) -> None:
        ways_out = "" if quota != "MAX_OPEN_RESERVATIONS" else "commit or release some, let them expire, or "
        super().__init__(
            f"{quota} allows {limit} {counted}; there are {current}, and this change would add {more}:"
            f" {ways_out}ask the operator to raise {quota}"
        )
        self.quota = quota
        self.current = current
        self.limit = limit


def sizes_of(state: State) -> Sizes:
    """Count a state. Safe while another thread folds."""
    held = state.reservations
    return Sizes(len(state.records), len(state.skus_of_store), len(state.keys), held.open_count, held.ended_count)


def uses(sizes: Sizes, quotas: Quotas) -> tuple[Use, ...]:
    """The use of each quota."""
    return (
        Use("MAX_RECORDS", "records", sizes.records, quotas.records),
        Use("MAX_STORES", "stores", sizes.stores, quotas.stores),
        Use("MAX_OPEN_RESERVATIONS", "open reservations", sizes.open_reservations, quotas.open_reservations),
    )


class Room:
    """What the changes of one commit group add, checked against the quotas."""

    def __init__(self, before: Sizes, has_store: Callable[[str], bool], quotas: Quotas, ended: int) -> None:
        """
        :param before: the sizes before the group. :param has_store: whether a store existed.
        :param ended: the number of reservations that the changes of the group have ended so far.
        """
        self._before = before
        self._has_store = has_store
        self._quotas = quotas
        self._records = 0
        self._stores: set[str] = set()
        self._open = -ended

    def require(self, lines: Sequence[Line], opens: bool) -> None:
        """Refuse a change that would exceed a quota.

        :param opens: whether the change creates a reservation.
        :raises QuotaExceeded: names the quota and what to do; nothing was added.
        """
        records, stores = self._new(lines)
        if records:
            self._check("MAX_RECORDS", "records", self._before.records + self._records, records)
        if stores:
            self._check("MAX_STORES", "stores", self._before.stores + len(self._stores), len(stores))
        if opens:
            there = self._before.open_reservations + self._open
            self._check("MAX_OPEN_RESERVATIONS", "open reservations", there, 1)

    def take(self, lines: Sequence[Line], opened: int) -> None:
        """Count what a change has created. :param opened: 1 if that is a reservation, -1 if one has ended."""
        records, stores = self._new(lines)
        self._records += records
        self._stores |= stores
        self._open += opened

    def _new(self, lines: Sequence[Line]) -> tuple[int, set[str]]:
        made: list[str] = [line.item.store for line in lines if line.version == 1]
        return len(made), {store for store in made if not self._has_store(store)} - self._stores

    def _check(self, quota: str, counted: str, current: int, more: int) -> None:
        limit = int(getattr(self._quotas, quota.removeprefix("MAX_").lower()))
        if current + more > limit:
            raise QuotaExceeded(quota, counted, current, more, limit)


class QuotaWatch:
    """The use of each quota. Logs a warning once, each time that a use comes near its quota."""

    def __init__(self, sizes: Callable[[], Sizes], quotas: Quotas) -> None:
        """:param sizes: the current sizes."""
        self.sizes = sizes
        self.quotas = quotas
        self._told: set[str] = set()

    def uses(self) -> tuple[Use, ...]:
        """The use of each quota."""
        return uses(self.sizes(), self.quotas)

    def near(self) -> list[Use]:
        """Those that are nearly exhausted."""
        return [use for use in self.uses() if use.is_near()]

    def look(self) -> None:
        """Warn if a quota is nearly exhausted; called regularly."""
        used = self.uses()
        # With hysteresis: a use that oscillates around the threshold would fill the log.
        self._told &= {use.quota for use in used if use.is_near(_NO_LONGER_NEAR)}
        for use in used:
            if use.is_near() and use.quota not in self._told:
                self._told.add(use.quota)
                _log.warning("a quota is nearly exhausted: %s", use)
