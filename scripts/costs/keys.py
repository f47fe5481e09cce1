"""The cost of a used idempotency key, by the lifetime of keys."""

import json
import subprocess
import sys
from pathlib import Path

from bench.server import environment_of

# On the table itself: keys of 30 days in a server's log would have to be 30 days old. The table of the other
# checkout may not want to know when a key was used.
_PROGRAM = """
import inspect, json, time
from inventory.domain.key_table import KeyTable
def filing(minutes):
    table, asks_when = KeyTable(), "at" in inspect.signature(KeyTable.remember).parameters
    def remember(key, used, position):
        table.remember(key, *((used,) if asks_when else ()), used + minutes * 60_000_000, position)
    for minute in range(minutes):
        remember(f"old-{minute}", 10**15 + minute * 60_000_000, minute + 1)
    now, many = 10**15 + minutes * 60_000_000, 2000
    began = time.perf_counter()
    for number in range(many):
        if table.find(f"new-{number}") is not None:
            raise SystemExit("a key was found that was never used")
        remember(f"new-{number}", now, number + 1)
        table.forget_expired(now)
    return (time.perf_counter() - began) / many * 1e6
print(json.dumps([filing(60), filing(43_200)]))
"""


def filing(checkout: Path, folder: Path) -> dict[str, float]:
    """Looking a new key up and filing it, where one key was used in each minute of the lifetime before."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=folder,
        env=environment_of(checkout),
        check=True,
        stdout=subprocess.PIPE,
        timeout=300,
    )
    hour, month = json.loads(done.stdout)
    return {"a key, TTL of an hour, µs": hour, "a key, TTL of 30 days, µs": month}
