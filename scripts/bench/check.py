"""Checks of a server's results: a server that was fast and wrong scores nothing."""

import json
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from bench.load import Load
from bench.traffic import START, STORE, Traffic, sku_name
from inventory.settings import Settings
from inventory.verification.verify import verify
from inventory.wiring import layout_of

Records: TypeAlias = Mapping[str, Mapping[str, Any]]
Check: TypeAlias = Callable[["int", Path, Traffic, Sequence[Load]], list[str]]
"""Given the port, the data folder, what was asked and what came of it, names what is wrong."""

_PAGE = 1000
_NAMED = 5


def the_api_confirms(port: int, _: Path, traffic: Traffic, loads: Sequence[Load]) -> list[str]:
    """What the server says now is what it has confirmed, SKU by SKU."""
    return contradictions(records_of(port), traffic.deltas, loads)


def the_log_is_whole(_: int, data_dir: Path, __: Traffic, ___: Sequence[Load]) -> list[str]:
    """The whole log folds again, each chain and each record's history intact."""
    return [
        f"verify: {problem}" for problem in verify(layout_of(replace(Settings(), data_dir=data_dir))).problems[:_NAMED]
    ]


def contradictions(records: Records, deltas: Sequence[int], loads: Sequence[Load]) -> list[str]:
    """Compare records with the confirmed changes.

    Each record was made with ``START`` units at version 1, and each change adds one version and its
    SKU's delta. A driver that knows which request was confirmed is held to each SKU; of one that knows
    only how many were, the sum must lie between that and what may have been left unanswered.
    """
    if records.keys() != {sku_name(number) for number in range(len(deltas))}:
        return [f"{len(records)} records are there instead of {len(deltas)}"]
    wrong = []
    changes = [records[sku_name(number)]["version"] - 1 for number in range(len(deltas))]
    for number, (delta, changed) in enumerate(zip(deltas, changes, strict=True)):
        on_hand, expected = records[sku_name(number)]["onHand"], START + delta * (changed if delta else 0)
        if on_hand != expected:
            wrong.append(f"{sku_name(number)}: {on_hand} on hand after {changed} changes instead of {expected}")
    wrong.extend(
        f"{sku_name(number)}: changed {changed} times by reads"
        for number, (delta, changed) in enumerate(zip(deltas, changes, strict=True))
        if changed and not delta
    )
    return [*wrong[:_NAMED], *_miscounted(changes, deltas, loads)[:_NAMED]]


def _miscounted(changes: Sequence[int], deltas: Sequence[int], loads: Sequence[Load]) -> list[str]:
    if not any(deltas):
        return []
    counts = [load.confirmed for load in loads if load.confirmed is not None]
    if len(counts) == len(loads) and not any(load.unanswered for load in loads):
        sums = [sum(column) for column in zip(*counts, strict=True)]
        return [
            f"{sku_name(number)}: {changed} changes, {confirmed} were confirmed"
            for number, (changed, confirmed) in enumerate(zip(changes, sums, strict=True))
            if deltas[number] and changed != confirmed
        ]
    confirmed = sum(load.confirmed_in_all for load in loads)
    most = confirmed + sum(load.unanswered for load in loads)
    # Who knows only how many were confirmed does not know how many of those were reads.
    fewest = confirmed if all(deltas) else 0
    if fewest <= sum(changes) <= most:
        return []
    return [f"{sum(changes)} changes in all; {fewest} were confirmed, {most - fewest} left unanswered"]


def records_of(port: int) -> dict[str, dict[str, Any]]:
    """All records of the store, by SKU, as the API lists them."""
    found: dict[str, dict[str, Any]] = {}
    cursor = ""
    while True:
        url = f"http://127.0.0.1:{port}/stores/{STORE}/inventory?limit={_PAGE}{cursor}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            page = json.load(answer)
        found.update((record["sku"], record) for record in page["items"])
        if page["nextCursor"] is None:
            return found
        cursor = f"&cursor={page['nextCursor']}"
