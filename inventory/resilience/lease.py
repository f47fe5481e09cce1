"""What a lease file holds, and what it is called."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import orjson
from filelock import FileLock, Timeout

from inventory.resilience.disk import Disk


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """Whose ``key`` is, and until when.

    :ivar deadline: microseconds on CLOCK_BOOTTIME; from this one on the key is nobody's.
    :ivar boot: the boot of the machine that the deadline belongs to.
    :ivar purpose: what it was taken for, if another attempt at the same is to recognise it.
    """

    key: str
    owner: str
    deadline: int
    boot: str
    purpose: str | None = None

    def is_alive(self, boot: str, now: int) -> bool:
        """Whether it keeps others out. One of another boot does not: its holder is gone with that boot."""
        return self.boot == boot and now < self.deadline


def encode(record: LeaseRecord) -> bytes:
    """``{"key": …, "owner": …, "deadline": …, "boot": …, "purpose": …}``, for people and ``jq`` too."""
    return orjson.dumps(asdict(record), option=orjson.OPT_APPEND_NEWLINE)


def decode(content: bytes) -> LeaseRecord | None:
    """Read a lease file; ``None`` if it is empty, torn, or something else. Nobody holds a key by such a file."""
    try:
        found: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    match found:
        case {"key": str(key), "owner": str(owner), "deadline": int(deadline), "boot": str(boot)}:
            purpose = found.get("purpose")
            return LeaseRecord(key, owner, deadline, boot, purpose if isinstance(purpose, str) else None)
        case _:
            return None


def file_stem(key: str) -> str:
    """A name that is safe in any folder, whatever the key is: its hash. The file itself says the key."""
    return blake2b(key.encode(), digest_size=16).hexdigest()


_GUARDS = [f"{number:02x}" for number in range(256)]
_GUARD_SECONDS = 1.0
_POLL_SECONDS = 0.001


class LeaseLost(Exception):
    """The lease has ended, or is another's by now."""


class Acquired(NamedTuple):
    """A new lease. ``stolen``: somebody had left the key without releasing it."""

    lease: LeaseRecord
    stolen: bool


class LeaseStore:
    """The leases in one folder. Any thread may call; nothing is kept in memory, so a fork does no harm.

    Files do not pile up: a released lease's file is deleted, the guards are at most 256, shared by keys
    whose hashes begin alike, and ``sweep`` deletes what processes that were killed have left.
    """

    def __init__(
        self,
        folder: Path,
        *,
        owner: str,
        ttl_ms: int,
        boot: str,
        now: Callable[[], int],
        disk: Disk | None = None,
    ) -> None:
        """
        :param owner: who holds what is acquired here; the process and a uuid are added each time.
        :param boot: which boot of the machine this is.
        :param now: microseconds since the boot, asleep or not: a clock that nobody can set.
        :raises OSError: the folder is not there and cannot be made.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._owner = owner
        self._ttl = ttl_ms * 1000
        self._boot = boot
        self._now = now
        self._disk = disk or Disk()
        # Made once: that alone takes longer than to lock one. Each thread has a descriptor of its own in it.
        self._guards = {name: FileLock(folder / f"guard-{name}", thread_local=True) for name in _GUARDS}

    def acquire(self, key: str, purpose: str | None = None) -> Acquired | None:
        """Take the lease of ``key``, or return ``None`` at once if another has it or is about to.

        :param purpose: is told to a caller that asks for the ``holder``.
        Of many who try at the same time one gets it.

        :raises OSError: the files cannot be read or written; nobody holds the key because of this call.
        """
        path = self._path(key)
        # Without the guard, which stays free for the holder who wants to release: a refusal costs one read.
        if self._is_held(self._read(path)):
            return None
        try:
            with self._guarded(path, seconds=0):
                left = self._read(path)
                if self._is_held(left):
                    return None
                lease = self._write(path, key, f"{self._owner}/{os.getpid()}/{uuid4().hex}", purpose)
        except Timeout:
            return None
        return Acquired(lease, stolen=left is not None)

    def holder(self, key: str) -> LeaseRecord | None:
        """Return the lease that keeps others out now; ``None`` where there is none, or it is being written.

        :raises OSError: the file cannot be read.
        """
        found = self._read(self._path(key))
        return found if isinstance(found, LeaseRecord) and self._is_held(found) else None

    def renew(self, lease: LeaseRecord) -> LeaseRecord:
        """Return the lease with a whole TTL ahead of it; what was passed in is void then.

        :raises LeaseLost: it has ended, or is another's.
        :raises OSError: it could not be written; it still lasts until its deadline.
        """
        path = self._path(lease.key)
        with self._guarded(path, seconds=_GUARD_SECONDS):
            self._require(path, lease)
            if not lease.is_alive(self._boot, self._now()):
                raise LeaseLost(f"the lease of {lease.key} has ended")
            return self._write(path, lease.key, lease.owner, lease.purpose)

    def release(self, lease: LeaseRecord) -> bool:
        """Give the key back; no file of the lease is left. Returns whether it had lasted until now.

        :raises LeaseLost: it is another's, or nobody's; that is left as it is.
        :raises OSError: the file could not be deleted; the lease ends by its deadline.
        """
        path = self._path(lease.key)
        with self._guarded(path, seconds=_GUARD_SECONDS):
            self._require(path, lease)
            path.unlink()
        return lease.is_alive(self._boot, self._now())

    def sweep(self) -> None:
        """Delete the files of leases that have ended without being released. Errors are let be."""
        with suppress(OSError):
            for path in [*self._folder.glob("*.lease"), *self._folder.glob("*.tmp")]:
                with suppress(OSError), self._guarded(path, seconds=0):
                    # Nobody writes a temporary file now: that is done under the guard.
                    if path.suffix == ".tmp" or not self._is_held(self._read(path)):
                        path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{file_stem(key)}.lease"

    def _read(self, path: Path) -> LeaseRecord | bytes | None:
        """The record, the content that is none, or ``None`` where there is no file."""
        try:
            content = self._disk.read(path)
        except FileNotFoundError:
            return None
        return decode(content) or content

    def _is_held(self, found: LeaseRecord | bytes | None) -> bool:
        return isinstance(found, LeaseRecord) and found.is_alive(self._boot, self._now())

    def _require(self, path: Path, lease: LeaseRecord) -> None:
        found = self._read(path)
        if not isinstance(found, LeaseRecord) or found.owner != lease.owner:
            raise LeaseLost(f"the lease of {lease.key} is no longer {lease.owner}'s")

    def _write(self, path: Path, key: str, owner: str, purpose: str | None) -> LeaseRecord:
        record = LeaseRecord(key, owner, self._now() + self._ttl, self._boot, purpose)
        temporary = path.with_suffix(".tmp")
        try:
            # Not synced: a lease means nothing after a power cut. Renamed: whoever reads without the guard
            # sees a whole record, and a renewal that fails leaves the one before it.
            with self._disk.create(temporary) as file:
                self._disk.write(file.fileno(), encode(record))
            self._disk.rename(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return record

    @contextmanager
    def _guarded(self, path: Path, seconds: float) -> Iterator[None]:
        """:raises Timeout: (an OSError) nobody needs it for longer than it takes to write a file, unless frozen."""
        with self._guards[path.name[:2]].acquire(timeout=seconds, poll_interval=_POLL_SECONDS):
            yield
