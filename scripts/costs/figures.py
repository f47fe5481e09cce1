"""Every figure, by name. A new one is an entry here."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from costs import batches, holds, keys, logs, stores

Measure = Callable[[Path, Path], dict[str, float]]
"""Given the checkout whose program is measured, and an empty folder: what was found, by what it is and its unit."""


class Figure(NamedTuple):
    """:ivar what: what is done, in one line for ``--help``."""

    name: str
    what: str
    measure: Measure


FIGURES: Sequence[Figure] = (
    Figure("open-holds", "1,005 holds of 500 lines, listed once and by 32 clients at once", holds.open_holds),
    Figure("ended-holds", "1,005 holds of 500 lines, each released", holds.ended_holds),
    Figure("extend", "a hold of 500 lines is extended 100 times", holds.extends),
    Figure("stores-of-sku", "one SKU in 100,000 stores, read once and by 16 clients beside changes", stores.one_sku),
    Figure("batch", "atomic batches of 1,000 adjusts, and of 1,000 reserves over 500 records", batches.atomic),
    Figure("keys", "a used key is filed, with lifetimes of an hour, and of 30 days", keys.filing),
    Figure("log", "2,000 requests for a path of 3 KB that is not there", logs.not_found),
)
