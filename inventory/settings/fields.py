"""Every setting: its default, what it accepts, and what it means."""

import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from inventory.resilience.failpoints import Failpoint, parse_failpoints
from inventory.settings.parsers import flag, networks, one_of, path, status, whole, word


def _setting(
    default: Any, parse: Callable[[str], Any], meaning: str, shown: str | None = None, *, secret: bool = False
) -> Any:
    """:param meaning: for docs/reference/settings.md and ``inventory settings``.

    :param shown: the default there, if it depends on the host. :param secret: the value is never shown.
    """
    make = default if callable(default) else lambda: default
    metadata = {"parse": parse, "meaning": meaning, "shown": shown, "secret": secret}
    return field(default_factory=make, metadata=metadata)


_COUNT = whole(1, 100_000)
_MS = whole(1, 86_400_000)
_MANY = whole(1, 10**9)
_YEAR_MS = whole(1, 31_536_000_000)


def _cores() -> int:
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one instance of the service.

    The name of a field in capitals is its environment variable, plain or after ``INVENTORY_``.
    """

    data_dir: Path = _setting(
        lambda: Path("data"),
        path,
        "the folder of the log, the snapshots, the published views and the locks;"
        " a relative path starts at the working directory of the server",
    )
    host: str = _setting("127.0.0.1", word, "address to listen on; the service does not authenticate callers yet")
    port: int = _setting(3000, whole(0, 65535), "port to listen on; 0: the system chooses one")
    web_concurrency: int = _setting(_cores, whole(1, 512), "worker processes", "one for each core")
    threads: int = _setting(16, whole(1, 1024), "threads in each worker")
    worker_class: str = _setting(
        "inventory",
        one_of("inventory", "gthread"),
        "the worker class that serves: the service's own, or gunicorn's gthread, which is slower and holds a thread for"
        " each slow client; gthread also on releases of gunicorn that the service's own was not made for",
    )
    pin_workers: str = _setting(
        "auto",
        one_of("auto", "on", "off"),
        "pin each worker to one core; auto: unless there are more workers than cores",
    )
    client_timeout_ms: int = _setting(
        5000,
        _MS,
        "how long a client may take to send a request (then 408), and how long it may read nothing of its answer;"
        " after that time it must read 64 KiB a second on average",
    )
    commit_wait_ms: int = _setting(2000, _MS, "how long a change may wait for its commit; then 503")
    segment_bytes: int = _setting(67_108_864, whole(4096, 2**36), "size at which the log begins a new segment")
    sync_mode: str = _setting(
        "thread",
        one_of("thread", "off"),
        "thread: servers publish the views and sweep expired holds; off: they leave both to 'inventory worker', and"
        " without one, expired holds are not swept",
    )
    sync_interval_ms: int = _setting(15_000, _MS, "how often the views are published, if anything has changed")
    snapshot_every_n_events: int = _setting(100_000, whole(1, 10**9), "events between two snapshots")
    snapshot_every_bytes: int = _setting(
        268_435_456, whole(4096, 2**40), "bytes of log between two snapshots; whichever of the two comes first"
    )
    concurrency_api: int | None = _setting(
        None,
        _COUNT,
        "threads of each worker that may work on changes at once; the others stay free for reads and health checks;"
        " THREADS if unset",
    )
    concurrency_sync: int = _setting(1, _COUNT, "concurrent POST /sync in each process; further ones get 503")
    concurrency_reads: int = _setting(
        2, _COUNT, "concurrent large reads (over 250 entries or 256 KiB) in each worker; further ones get 503"
    )
    load_shed_queue_max: int = _setting(
        256,
        _COUNT,
        "requests and changes (one for each 100 operations or part of 100) that may wait in a worker; above that it"
        " refuses every second change, and is not ready",
    )
    rate_limit_rps: int = _setting(
        1000, whole(0, 10**6), "operations a second for each client, over all workers of a server; 0: no limit"
    )
    rate_limit_burst: int = _setting(2000, whole(1, 10**6), "operations that a client may send in a burst")
    trusted_proxies: tuple[str, ...] = _setting(
        (), networks, "proxies whose X-Forwarded-For names the client that a rate limit is for"
    )
    breaker_threshold: int = _setting(
        5,
        _COUNT,
        "consecutive failed writes or flushes that open a circuit breaker (slow ones do not count); one for the ledger"
        " and one for the sync in each process; concurrent failures count once",
    )
    breaker_cooldown_ms: int = _setting(5000, _MS, "how long a breaker stays open before it lets one probe through")
    retry_base_ms: int = _setting(
        50, _MS, "first pause before the write of a published file is repeated; doubles each time, with jitter"
    )
    retry_times: int = _setting(
        3,
        whole(1, 20),
        "attempts in total to write a published file, or to apply an event before it becomes a dead letter; writes to"
        " the log are never repeated",
    )
    idemp_ttl_ms: int = _setting(3_600_000, _YEAR_MS, "how long an idempotency key is remembered")
    reservation_keep_ms: int = _setting(
        86_400_000, _YEAR_MS, "how long an ended reservation is remembered; at least IDEMP_TTL_MS in any case"
    )
    max_records: int = _setting(20_000_000, _MANY, "maximum number of records")
    max_stores: int = _setting(200_000, _MANY, "maximum number of stores")
    max_open_reservations: int = _setting(5_000_000, _MANY, "maximum number of open reservations")
    log_level: str = _setting(
        "info",
        one_of("debug", "info", "warning", "error", warn="warning"),
        "lowest level logged; request lines have level info",
    )
    log_format: str = _setting(
        "auto",
        one_of("auto", "json", "text"),
        "json: an object for each line; text: for people; auto: text on a terminal, json elsewhere",
    )
    locks_enabled: bool = _setting(False, flag, "take the lease of a SKU before changing it")
    lock_ttl_ms: int = _setting(2000, _MS, "how long a lease lasts; must be larger than LOCK_RENEW_MS")
    lock_renew_ms: int = _setting(
        1000, _MS, "how often a long operation renews its lease; no operation takes that long yet"
    )
    lock_dir: Path | None = _setting(
        None, path, "folder of the leases, the same for all servers on a data folder; DATA_DIR/locks if unset"
    )
    lock_reject_status: int = _setting(503, status, "status of a change that is refused because its SKU is leased")
    lock_retry_after_ms: int = _setting(
        300, _MS, "when a client should repeat such a change; Retry-After is this in seconds, rounded up"
    )
    lock_owner_id: str = _setting(
        lambda: f"{os.getpid()}-{uuid.uuid4()}",
        word,
        "owner of the leases of this server; each lease adds the process id and a UUID",
        "`<pid>-<uuid>`",
    )
    failpoints: tuple[Failpoint, ...] = _setting((), parse_failpoints, "faults to inject; for tests only")


FIELDS: Mapping[str, Field[Any]] = {item.name.upper(): item for item in fields(Settings)}
"""The fields by the names of their settings, in the order of the documentation."""


def setting_names() -> tuple[str, ...]:
    """The names of all settings, in the order of the documentation."""
    return tuple(FIELDS)
