"""What tests of leases start from: a clock, a disk that refuses, and two processes on one folder."""

import errno
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from inventory.domain.commands import CountStock
from inventory.resilience.disk import Disk
from inventory.resilience.lease import LeaseRecord, LeaseStore
from inventory.service.sku_leases import LeasePolicy, SkuLeases
from inventory.service.stock import StockService
from support.given import START, Clock, OneByOne, item

TTL_MS = 2000
HERE, THERE = item(), item(store="store-2")
POLICY = LeasePolicy(ttl_ms=2000, renew_ms=1000, reject_status=423, retry_after_ms=700)


class MeddlingLedger(OneByOne):
    """Does something between a change's lease and its decision."""

    before: Callable[[], None] = staticmethod(lambda: None)

    def submit(self, entities, decide, key=None, weight=1):
        self.before()
        return super().submit(entities, decide, key)


class World:
    """Two processes' services on one ledger and one folder of leases, and what they have counted."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.folder, self.disk = Clock(), folder, Disk()
        self.ledger = MeddlingLedger(now=self.clock)
        self.counts: Counter[str] = Counter()
        self.ours, self.theirs = self.leases(), self.leases()
        self.service, self.other = (StockService(self.ledger, leases) for leases in (self.ours, self.theirs))
        for service in (self.service, self.other):
            service.count_leases(lambda event: self.counts.update([event]))
        self.service.change(CountStock(HERE, 10))
        self.counts.clear()

    def leases(self) -> SkuLeases:
        # The machine was up for a second when the service's time began.
        up = lambda: self.clock.at - START + 1_000_000  # noqa: E731
        store = LeaseStore(self.folder, owner="o", ttl_ms=POLICY.ttl_ms, boot="b", now=up, disk=self.disk)
        return SkuLeases(store, self.clock, POLICY)

    def files(self) -> list[str]:
        return [path.name for path in self.folder.glob("*.lease")]


class UpTime:
    """Microseconds since the boot, moved by hand."""

    def __init__(self) -> None:
        self.at = 5_000_000

    def __call__(self) -> int:
        return self.at

    def advance(self, *, ms: int) -> None:
        self.at += ms * 1000


class Refusing(Disk):
    """A disk that refuses one kind of call once ``refuses`` names it."""

    refuses = ""

    def write(self, descriptor: int, data: bytes) -> None:
        if self.refuses == "write":
            os.write(descriptor, data[:7])
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(descriptor, data)

    def read(self, path: Path) -> bytes:
        if self.refuses == "read":
            raise PermissionError(errno.EACCES, "Permission denied")
        return super().read(path)


def store(folder: Path, up: UpTime, boot: str = "boot-1", disk: Disk | None = None) -> LeaseStore:
    return LeaseStore(folder, owner="till-7", ttl_ms=TTL_MS, boot=boot, now=up, disk=disk)


def taken(leases: LeaseStore, key: str = "sku-1") -> LeaseRecord:
    acquired = leases.acquire(key)
    assert acquired is not None
    return acquired.lease


def lease_files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith("guard-")]
