"""Every setting, read once from the environment into one frozen object."""

import os
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from difflib import SequenceMatcher
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from inventory.resilience.failpoints import Failpoint, parse_failpoints

_NEAR = 0.84
_SHORT = 5


class SettingsError(Exception):
    """The value of a variable is invalid, or its name is almost that of a setting. Names the variable."""


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,19}", text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return text

    return parse


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("true or false")
    return text == "true"


def _networks(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(part.strip())) for part in text.split(","))
    except ValueError as error:
        raise ValueError("a comma-separated list of addresses or networks (10.0.0.0/8)") from error


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError("a path")
    return Path(text)


def _word(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:\[\]-]{1,255}", text):
        raise ValueError("1 to 255 letters, digits, '.', '_', ':' or '-'")
    return text


def _status(text: str) -> int:
    if text not in ("409", "423", "429", "503"):
        raise ValueError("409, 423, 429 or 503")
    return int(text)


def _setting(default: Any, parse: Callable[[str], Any], meaning: str, shown: str | None = None) -> Any:
    """:param meaning: for docs/reference/settings.md. :param shown: the default there, if it depends on the host."""
    make = default if callable(default) else lambda: default
    return field(default_factory=make, metadata={"parse": parse, "meaning": meaning, "shown": shown})


_COUNT = _whole(1, 100_000)
_MS = _whole(1, 86_400_000)
_MANY = _whole(1, 10**9)
_YEAR_MS = _whole(1, 31_536_000_000)


def _cores() -> int:
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one instance of the service. The name of a field in capitals is its environment variable."""

    data_dir: Path = _setting(
        lambda: Path("data"),
        _path,
        "the folder of the log, the snapshots, the published views and the locks;"
        " a relative path starts at the working directory of the server",
    )
    host: str = _setting("127.0.0.1", _word, "address to listen on; the service does not authenticate callers yet")
    port: int = _setting(3000, _whole(0, 65535), "port to listen on; 0: the system chooses one")
    web_concurrency: int = _setting(_cores, _whole(1, 512), "worker processes", "one for each core")
    threads: int = _setting(16, _whole(1, 1024), "threads in each worker")
    worker_class: str = _setting(
        "inventory",
        _one_of("inventory", "gthread"),
        "the worker class that serves: the service's own, or gunicorn's gthread, which is slower and holds a thread for"
        " each slow client; gthread also on releases of gunicorn that the service's own was not made for",
    )
    pin_workers: str = _setting(
        "auto",
        _one_of("auto", "on", "off"),
        "pin each worker to one core; auto: unless there are more workers than cores",
    )
    client_timeout_ms: int = _setting(
        5000,
        _MS,
        "how long a client may take to send a request (then 408), and how long it may read nothing of its answer;"
        " after that time it must read 64 KiB a second on average",
    )
    commit_wait_ms: int = _setting(2000, _MS, "how long a change may wait for its commit; then 503")
    segment_bytes: int = _setting(67_108_864, _whole(4096, 2**36), "size at which the log begins a new segment")
    sync_mode: str = _setting(
        "thread",
        _one_of("thread", "off"),
        "thread: servers publish the views and sweep expired holds; off: they leave both to 'inventory worker', and"
        " without one, expired holds are not swept",
    )
    sync_interval_ms: int = _setting(15_000, _MS, "how often the views are published, if anything has changed")
    snapshot_every_n_events: int = _setting(100_000, _whole(1, 10**9), "events between two snapshots")
    snapshot_every_bytes: int = _setting(
        268_435_456, _whole(4096, 2**40), "bytes of log between two snapshots; whichever of the two comes first"
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
        1000, _whole(0, 10**6), "operations a second for each client, over all workers of a server; 0: no limit"
    )
    rate_limit_burst: int = _setting(2000, _whole(1, 10**6), "operations that a client may send in a burst")
    trusted_proxies: tuple[str, ...] = _setting(
        (), _networks, "proxies whose X-Forwarded-For names the client that a rate limit is for"
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
        _whole(1, 20),
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
        "info", _one_of("debug", "info", "warning", "error"), "lowest level logged; request lines have level info"
    )
    locks_enabled: bool = _setting(False, _flag, "take the lease of a SKU before changing it")
    lock_ttl_ms: int = _setting(2000, _MS, "how long a lease lasts; must be larger than LOCK_RENEW_MS")
    lock_renew_ms: int = _setting(
        1000, _MS, "how often a long operation renews its lease; no operation takes that long yet"
    )
    lock_dir: Path | None = _setting(
        None, _path, "folder of the leases, the same for all servers on a data folder; DATA_DIR/locks if unset"
    )
    lock_reject_status: int = _setting(503, _status, "status of a change that is refused because its SKU is leased")
    lock_retry_after_ms: int = _setting(
        300, _MS, "when a client should repeat such a change; Retry-After is this in seconds, rounded up"
    )
    lock_owner_id: str = _setting(
        lambda: f"{os.getpid()}-{uuid.uuid4()}",
        _word,
        "owner of the leases of this server; each lease adds the process id and a UUID",
        "`<pid>-<uuid>`",
    )
    failpoints: tuple[Failpoint, ...] = _setting((), parse_failpoints, "faults to inject; for tests only")


_FIELDS: Mapping[str, Field[Any]] = {item.name.upper(): item for item in fields(Settings)}


def setting_names() -> tuple[str, ...]:
    """The environment variables that are read, in the order of the documentation."""
    return tuple(_FIELDS)


def from_environment(environment: Mapping[str, str], options: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    :param options: the options of values that do not come from the environment, by variable: ``--port``.
    :raises SettingsError: a value is invalid, or the name of a variable is almost that of a setting, or leases would
        expire before they are renewed; the message names the variable and says what is valid.
    """
    for name in environment:
        meant = _nearly(name)
        if meant is not None:
            raise SettingsError(f"{name} is not a setting; did you mean {meant}? Rename it or unset it.")
    given = {}
    for name, item in _FIELDS.items():
        if name not in environment:
            continue
        try:
            given[item.name] = item.metadata["parse"](environment[name])
        except ValueError as error:
            given_as = f" ({options[name]})" if options and name in options else ""
            raise SettingsError(f"{name}={environment[name]!r}{given_as} is not {error}.") from error
    settings = Settings(**given)
    if settings.lock_ttl_ms <= settings.lock_renew_ms:
        raise SettingsError(
            f"LOCK_TTL_MS={settings.lock_ttl_ms} is not larger than LOCK_RENEW_MS={settings.lock_renew_ms}: "
            "a lease would expire before it is renewed."
        )
    return settings


def _nearly(name: str) -> str | None:
    if name in _FIELDS or len(name) <= _SHORT:
        return None
    for known in _FIELDS:
        if len(known) <= _SHORT:
            continue
        near = SequenceMatcher(None, name.upper(), known)
        if near.quick_ratio() >= _NEAR and near.ratio() >= _NEAR:
            return known
    return None
