"""No setting, at any valid value, makes a request cost more. Steps are counted, not time."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.request_costs import HOUR_MS, client_on, costs

from inventory.settings import Settings, setting_names

YEAR_MS = 31_536_000_000
THIRTY_DAYS_MS = 30 * 24 * HOUR_MS

# What a request could depend on: the values to be compared with one another and with the default.
WALKED: dict[str, tuple[Any, ...]] = {
    "IDEMP_TTL_MS": (1, YEAR_MS, THIRTY_DAYS_MS),
    "RESERVATION_KEEP_MS": (1, YEAR_MS),
    "SEGMENT_BYTES": (4096, 2**36),
    "TRUSTED_PROXIES": (("10.0.0.0/8",), tuple(f"10.{n // 256}.{n % 256}.1/32" for n in range(5000))),
    "RATE_LIMIT_RPS": (0, 1, 10**6),
    "RATE_LIMIT_BURST": (10**4, 10**6),
    "LOAD_SHED_QUEUE_MAX": (1, 100_000),
    "BREAKER_THRESHOLD": (1, 100_000),
    "BREAKER_COOLDOWN_MS": (1, 86_400_000),
    "CONCURRENCY_API": (1, 100_000),
    "CONCURRENCY_READS": (1, 100_000),
    "THREADS": (1, 1024),
    "MAX_RECORDS": (4, 10**9),
    "MAX_STORES": (1, 10**9),
    "MAX_OPEN_RESERVATIONS": (100, 10**9),
}

# Why a setting enters into no request's cost.
EXCUSED = {
    "DATA_DIR": "a path",
    "HOST": "an address to listen on",
    "PORT": "an address to listen on",
    "WEB_CONCURRENCY": "processes; only GET /metrics reads a file for each",
    "WORKER_CLASS": "done once in a process",
    "PIN_WORKERS": "done once in a process",
    "CLIENT_TIMEOUT_MS": "a bound on waiting",
    "COMMIT_WAIT_MS": "a bound on waiting",
    "SYNC_MODE": "which process has the periodic threads",
    "SYNC_INTERVAL_MS": "of a periodic thread",
    "SNAPSHOT_EVERY_N_EVENTS": "of a periodic thread",
    "SNAPSHOT_EVERY_BYTES": "of a periodic thread",
    "CONCURRENCY_SYNC": "a counter, of passes and not of requests",
    "RETRY_BASE_MS": "of files that are published",
    "RETRY_TIMES": "of files that are published, and of dead letters",
    "LOG_LEVEL": "one comparison for a line",
    "LOG_FORMAT": "which formatter a line gets",
    "LOCKS_ENABLED": "adds a lease for each SKU, and nothing that grows",
    "LOCK_TTL_MS": "an instant that is written to a lease",
    "LOCK_RENEW_MS": "an instant that is compared",
    "LOCK_DIR": "a path",
    "LOCK_REJECT_STATUS": "a status",
    "LOCK_RETRY_AFTER_MS": "a header",
    "LOCK_OWNER_ID": "a word of at most 255 characters in a lease",
    "FAILPOINTS": "for tests only",
}


def test_every_setting_is_walked_or_excused():
    assert sorted([*WALKED, *EXCUSED]) == sorted(setting_names())


GROWS = {"IDEMP_TTL_MS", "RESERVATION_KEEP_MS", "SEGMENT_BYTES"}
"""More is in the tables, or in more files, the longer a log is."""


def remembered_ms(settings: Settings) -> int:
    """So long that keys, or ended reservations, are spread over all of what the setting has remembered."""
    return max(settings.idemp_ttl_ms, settings.reservation_keep_ms, HOUR_MS)


def cost_of(folder: Path, settings: Settings, steps: int) -> dict[str, int]:
    with client_on(folder, settings, steps, remembered_ms(settings)) as (client, counted):
        return costs(client, counted)


@pytest.fixture(scope="module")
def usual_costs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], dict[str, int]]:
    return cache(lambda steps: cost_of(tmp_path_factory.mktemp("usual") / "data", settings_with({}), steps))


def settings_with(given: dict[str, Any]) -> Settings:
    # The clock stands still, so that a bucket that is small would soon be empty.
    return Settings(**({"rate_limit_burst": 10**6} | given))


@pytest.mark.slow
@pytest.mark.parametrize("name", list(WALKED))
def test_a_request_costs_the_same_whatever_a_setting_is(
    tmp_path: Path, usual_costs: Callable[[int], dict[str, int]], name: str
):
    steps = 1600 if name in GROWS else 100
    found = {"default": usual_costs(steps)}
    for value in WALKED[name]:
        folder = tmp_path / str(len(found))
        found[str(value)[:30]] = cost_of(folder, settings_with({name.lower(): value}), steps)

    differing = {}
    for kind in found["default"]:
        costs = {value: each[kind] for value, each in found.items()}
        if max(costs.values()) > 1.5 * min(costs.values()):
            differing[kind] = costs
    assert differing == {}
