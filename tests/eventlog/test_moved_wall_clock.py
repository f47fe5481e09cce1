"""The wall clock is moved, by an hour and by a day, both ways: nothing ends too early, and nothing stays for ever.

The services are wired as a worker has them, on the real files. Python's ``time`` itself is replaced, so that
code which reads the wall clock, or any clock but the one since the boot, is found out.
"""

import ast
import errno
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.folder import Shim, failing
from support.given import item

import inventory
from inventory.domain.commands import AdjustStock, CountStock
from inventory.domain.errors import LockContended, LockLost, ReadOnly, StorageUnavailable
from inventory.domain.key_table import IdempotencyKey
from inventory.resilience.disk import Disk
from inventory.settings import Settings
from inventory.wiring import Services, build_services, prepare
from inventory.wiring.resilience import lease_store, sku_leases

PACKAGE = Path(inventory.__file__).parent
HERE = item()
KEY = IdempotencyKey("key", "hash")
HOUR_NS = 3_600_000_000_000
MOVES = [pytest.param(hours * HOUR_NS, id=f"by {hours} hours") for hours in (1, -1, 24, -24)]

# Every place that reads the time of day, and what for.
READERS_OF_THE_WALL_CLOCK = {
    "resilience/host_clock.py": "once in a boot, by the first server to start: the service's time goes on from it",
    "memory/ledger.py": "the ledger of tests; and of a worker that could not open its folder, which changes nothing",
    "web/logs.py": "the time of a log line",
    "server/exchange.py": "the Date of an answer, which has to be the time of day (RFC 9110 section 6.6.1)",
}


class Clocks:
    """A wall clock that is moved by hand, and a time since boot that stands still until it is."""

    def __init__(self) -> None:
        self._wall_ns, self._boot_ns = time.time_ns(), 5 * HOUR_NS
        self._real_gettime_ns = time.clock_gettime_ns

    def move_wall(self, by_ns: int) -> None:
        self._wall_ns += by_ns

    def advance(self, *, us: int) -> None:
        """Let time pass, on both."""
        self._wall_ns += us * 1000
        self._boot_ns += us * 1000

    def wall_ns(self) -> int:
        return self._wall_ns

    def gettime_ns(self, clock: int) -> int:
        here = {time.CLOCK_BOOTTIME: self._boot_ns, time.CLOCK_REALTIME: self._wall_ns}
        return here[clock] if clock in here else self._real_gettime_ns(clock)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr(time, "time_ns", clocks.wall_ns)
    monkeypatch.setattr(time, "time", lambda: clocks.wall_ns() / 1e9)
    monkeypatch.setattr(time, "clock_gettime_ns", clocks.gettime_ns)
    monkeypatch.setattr(time, "clock_gettime", lambda clock: clocks.gettime_ns(clock) / 1e9)
    return clocks


Start = Callable[..., Services]


@pytest.fixture
def start(tmp_path: Path, clocks: Clocks) -> Iterator[Start]:
    """Services as another process would have them, on the same folder: ``start(disk=…, lock_ttl_ms=…)``."""
    opened: list[Services] = []

    def started(disk: Disk | None = None, **settings: object) -> Services:
        chosen = Settings(data_dir=tmp_path, **settings)  # type: ignore[arg-type]
        prepare(chosen)
        opened.append(build_services(chosen, disk=disk or Shim()))
        return opened[-1]

    yield started
    for services in opened:
        services.close()


@pytest.mark.parametrize("move", MOVES)
def test_a_lease_ends_on_time_for_its_holder_and_for_others_however_the_wall_clock_is_moved(start, clocks, move):
    services = start(locks_enabled=True, lock_ttl_ms=2000)
    services.stock.change(CountStock(HERE, 10))
    leases = sku_leases(services.settings, lease_store(services.settings, Disk()), services.now)
    with leases.holding([HERE.sku]) as held:
        clocks.move_wall(move)
        others = (services, start(locks_enabled=True, lock_ttl_ms=2000))
        clocks.advance(us=1_999_999)
        held.check(services.now())
        for other in others:
            with pytest.raises(LockContended):
                other.stock.change(AdjustStock(HERE, 1))

        clocks.advance(us=1)

        with pytest.raises(LockLost):
            held.check(services.now())
        assert [other.stock.change(AdjustStock(HERE, 1)).record.version for other in others] == [2, 3]


@pytest.mark.parametrize("move", MOVES)
def test_a_breaker_opens_for_its_cooldown_however_the_wall_clock_is_moved(start, clocks, move):
    disk = Shim()
    services = start(disk, breaker_threshold=2, breaker_cooldown_ms=5000)
    services.stock.change(CountStock(HERE, 10))
    disk.instead["append"] = failing(OSError(errno.ENOSPC, "injected"))
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            services.stock.change(AdjustStock(HERE, 1))
    del disk.instead["append"]
    clocks.move_wall(move)
    clocks.advance(us=4_999_999)
    with pytest.raises(ReadOnly):
        services.stock.change(AdjustStock(HERE, 1))

    clocks.advance(us=1)

    assert services.stock.change(AdjustStock(HERE, 1)).record.version == 2
    assert services.breakers[0].state == "closed"


@pytest.mark.parametrize("move", MOVES)
def test_a_key_is_remembered_for_its_time_however_the_wall_clock_is_moved(start, clocks, move):
    services = start(idemp_ttl_ms=60_000)
    services.stock.change(CountStock(HERE, 10), KEY)
    clocks.move_wall(move)
    both = (services, start(idemp_ttl_ms=60_000))
    clocks.advance(us=59_999_999)
    assert [one.stock.change(CountStock(HERE, 10), KEY).replayed for one in both] == [True, True]

    clocks.advance(us=1)

    assert not services.stock.change(CountStock(HERE, 10), KEY).replayed


@pytest.mark.parametrize("move", MOVES)
def test_a_bucket_fills_at_its_rate_however_the_wall_clock_is_moved(start, clocks, move):
    buckets = start(rate_limit_rps=10, rate_limit_burst=5).buckets
    assert [buckets.take("client").allowed for _ in range(6)] == [True] * 5 + [False]
    clocks.move_wall(move)
    clocks.advance(us=99_999)
    assert not buckets.take("client").allowed

    clocks.advance(us=1)

    assert [buckets.take("client").allowed for _ in range(2)] == [True, False]


@pytest.mark.parametrize("move", MOVES)
def test_a_sync_pass_is_due_after_its_interval_however_the_wall_clock_is_moved(start, clocks, move):
    services = start(sync_interval_ms=15_000)
    services.stock.change(CountStock(HERE, 10))
    services.sync.sync_once()
    services.stock.change(AdjustStock(HERE, 1))
    clocks.move_wall(move)
    clocks.advance(us=14_999_999)
    assert services.sync.sync_if_due() is None

    clocks.advance(us=1)

    assert services.sync.sync_if_due() is not None


@pytest.mark.parametrize("move", MOVES)
def test_events_go_on_from_the_one_before_however_the_wall_clock_is_moved(start, clocks, move):
    services = start()
    first = services.stock.change(CountStock(HERE, 10)).event.at
    clocks.move_wall(move)
    clocks.advance(us=7)
    assert [one.stock.change(AdjustStock(HERE, 1)).event.at - first for one in (services, start())] == [7, 7]


def test_the_wall_clock_is_read_where_that_is_known_to_be_harmless_and_nowhere_else():
    readers = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Attribute(attr="time_ns" | "time" | "CLOCK_REALTIME", value=ast.Name(id="time")):
                    readers.add(str(path.relative_to(PACKAGE)))
                case ast.Attribute(attr="now" | "utcnow" | "today" | "localtime" | "gmtime"):
                    if "datetime" in ast.unparse(node) or "time." in ast.unparse(node) or "date." in ast.unparse(node):
                        readers.add(str(path.relative_to(PACKAGE)))
                case ast.ImportFrom(module="time", names=names) if {"time", "time_ns"} & {name.name for name in names}:
                    readers.add(str(path.relative_to(PACKAGE)))
    assert readers == set(READERS_OF_THE_WALL_CLOCK)
