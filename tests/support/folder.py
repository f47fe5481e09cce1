"""A data folder under test: a machine that can reboot, a disk that can fail, and any number of ledgers."""

import itertools
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inventory.domain.key_table import IdempotencyKey
from inventory.domain.values import ItemId
from inventory.eventlog.layout import Layout
from inventory.eventlog.ledger import FileLedger
from inventory.eventlog.log_parts import LogOptions
from inventory.eventlog.recovery import Recovery, recover
from inventory.eventlog.shared_header import SharedHeader
from inventory.eventlog.snapshot import Restored
from inventory.resilience.disk import Disk
from inventory.resilience.host_clock import HostClock
from inventory.resilience.lease import LeaseStore
from inventory.service.ports.change_queue import Outcome
from inventory.service.sku_leases import LeasePolicy, SkuLeases
from inventory.settings import Settings
from inventory.verification.verify import Verification, verify
from inventory.wiring import layout_of
from support.given import START, WRITER, adding, item

ONE, TWO = item("sku-1"), item("sku-2")
SECONDS = 60.0
"""Longer than anything under test may take; nothing waits that long when it works."""


class StillMachine(HostClock):
    """A machine whose clocks and boot are set by hand."""

    def __init__(self) -> None:
        self.boot, self.wall_at, self.up = 1, int(START), 0

    def boot_id(self) -> int:
        return self.boot

    def since_boot(self) -> int:
        return self.up

    def wall(self) -> int:
        return self.wall_at

    def reboot(self) -> None:
        self.boot, self.up = self.boot + 1, 0


class Shim(Disk):
    """Notes every call; ``instead[name]`` takes a call's place. Syncs are not real: no test pulls the plug."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.instead: dict[str, Callable[..., Any]] = {}

    def fdatasync(self, descriptor: int) -> None:
        os.fstat(descriptor)

    fsync = fdatasync

    def sync_folder(self, folder: Path) -> None:
        assert folder.is_dir()

    def __getattribute__(self, name: str) -> Any:
        if name in Disk.__dict__ and not name.startswith("_"):
            self.calls.append(name)
            if name in self.instead:
                return self.instead[name]
        return super().__getattribute__(name)


def failing(error: BaseException, *, times: int | None = None) -> Callable[..., Any]:
    """A call that fails, the first ``times`` times or always; then it does nothing."""
    calls = itertools.count()

    def call(*_: object) -> None:
        if times is None or next(calls) < times:
            raise error

    return call


class Gate:
    """Blocks each thread that calls it until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()

    def __call__(self, *_: object) -> None:
        self.reached.set()
        assert self._open.wait(SECONDS)

    def open(self) -> None:
        self._open.set()


class Folder:
    """One DATA_DIR. Each ledger that is opened on it stands for a process."""

    def __init__(self, root: Path) -> None:
        root.mkdir(exist_ok=True)
        self.layout = Layout(root)
        self.machine = StillMachine()
        self.settings = Settings(data_dir=root)
        self._ledgers: list[FileLedger] = []

    def prepare(self, disk: Disk | None = None) -> Recovery:
        return recover(self.layout, disk or Shim(), self.machine)

    def open(self, disk: Disk | None = None, *, folded: Restored | None = None, **options: Any) -> FileLedger:
        """A process on a prepared folder, from what its start has folded or by itself."""
        given = {"writer": WRITER, "machine": self.machine, "disk": disk or Shim(), "commit_wait_ms": 8000} | options
        self._ledgers.append(FileLedger(self.layout, LogOptions(**given), folded))
        return self._ledgers[-1]

    def start(self, disk: Disk | None = None, **options: Any) -> FileLedger:
        """A process on a folder that a server has just prepared."""
        self.prepare()
        return self.open(disk, **options)

    def leases(self, ledger: FileLedger, *, ttl_ms: int) -> SkuLeases:
        """The leases of the process that has this ledger."""
        boot = str(self.machine.boot_id())
        store = LeaseStore(self.layout.locks, owner="test", ttl_ms=ttl_ms, boot=boot, now=self.machine.since_boot)
        return SkuLeases(store, ledger.now, LeasePolicy(ttl_ms))

    def verify(self) -> Verification:
        return verify(layout_of(self.settings))

    def marks(self) -> SharedHeader:
        return SharedHeader(self.layout.shared_header)

    def log(self) -> bytes:
        """The whole log."""
        return b"".join(self.layout.segment(first).read_bytes() for first in self.layout.segments())

    def files(self) -> dict[str, bytes]:
        """Every file of the log's folder."""
        return {path.name: path.read_bytes() for path in self.layout.events.iterdir()}

    def close(self) -> None:
        while self._ledgers:
            self._ledgers.pop().close()


def add(ledger: FileLedger, units: int = 1, at: ItemId = ONE, key: str | None = None) -> Outcome:
    """Add units and wait for the outcome."""
    return ledger.submit((at,), adding((at, units)), key and IdempotencyKey(key, "hash")).wait()
