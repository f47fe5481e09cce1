"""What tests of leases start from: a clock, and a disk that refuses."""

import errno
import os
from pathlib import Path

from inventory.resilience.disk import Disk
from inventory.resilience.lease import LeaseStore
from inventory.resilience.lease_record import LeaseRecord

TTL_MS = 2000


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
