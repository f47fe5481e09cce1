"""Leases in files: at most one live lease for a key, over all processes that share a folder."""

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
    """The owner of ``key``, and until when.

    :ivar deadline: microseconds on CLOCK_BOOTTIME; from then on the key is free.
    :ivar boot: the boot of the host that the deadline belongs to.
    :ivar purpose: what it was acquired for, so that another attempt at the same can recognise it.
    """

    key: str
    owner: str
    deadline: int
    boot: str
    purpose: str | None = None

    def is_alive(self, boot: str, now: int) -> bool:
        """Whether it excludes others. A lease of another boot does not: its holder ended with that boot."""
        return self.boot == boot and now < self.deadline


def encode(record: LeaseRecord) -> bytes:
    """``{"key": …, "owner": …, "deadline": …, "boot": …, "purpose": …}``, readable for people and ``jq``."""
    return orjson.dumps(asdict(record), option=orjson.OPT_APPEND_NEWLINE)


def decode(content: bytes) -> LeaseRecord | None:
    """Read a lease file; ``None`` if it is empty, torn, or something else. Such a file holds no key."""
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
    """The hash of the key: a valid file name for any key. The file itself contains the key."""
    return blake2b(key.encode(), digest_size=16).hexdigest()


_GUARDS = [f"{number:02x}" for number in range(256)]
_GUARD_SECONDS = 1.0
_POLL_SECONDS = 0.001


class LeaseLost(Exception):
    """The lease has expired, or another owner has it."""


class Acquired(NamedTuple):
    """A new lease. ``stolen``: the previous owner did not release it."""

    lease: LeaseRecord
    stolen: bool


class LeaseStore:
    """The leases in one folder. Any thread may call; nothing is kept in memory, so a fork is safe.

    Files do not accumulate: a release deletes the file, there are at most 256 guards, shared by keys whose hashes
    begin alike, and ``sweep`` deletes the files of killed processes.
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
        :param owner: the owner of the leases; each lease adds the process id and a UUID.
        :param boot: the id of the current boot of the host.
        :param now: microseconds since the boot, including suspended time, on a clock that cannot be set.
        :raises OSError: the folder does not exist and cannot be created.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._owner = owner
        self._ttl = ttl_ms * 1000
        self._boot = boot
        self._now = now
        self._disk = disk or Disk()
        # Created once: creating one takes longer than locking it. Each thread has its own descriptor in it.
        self._guards = {name: FileLock(folder / f"guard-{name}", thread_local=True) for name in _GUARDS}

    def acquire(self, key: str, purpose: str | None = None) -> Acquired | None:
        """Acquire the lease of ``key``, or return ``None`` at once if another owner has it or is acquiring it.

        Of many concurrent callers one gets it.

        :param purpose: returned to callers that ask for the ``holder``.
        :raises OSError: the files cannot be read or written; this call has acquired nothing.
        """
        path = self._path(key)
        # Without the guard, which stays free for a holder that releases: a refusal costs one read.
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
        """Return the live lease of ``key``; ``None`` if there is none, or it is being written.

        :raises OSError: the file cannot be read.
        """
        found = self._read(self._path(key))
        return found if isinstance(found, LeaseRecord) and self._is_held(found) else None

    def renew(self, lease: LeaseRecord) -> LeaseRecord:
        """Return the lease with a full TTL from now; the argument is void then.

        :raises LeaseLost: it has expired, or another owner has it.
        :raises OSError: it could not be written; it still lasts until its deadline.
        """
        path = self._path(lease.key)
        with self._guarded(path, seconds=_GUARD_SECONDS):
            self._require(path, lease)
            if not lease.is_alive(self._boot, self._now()):
                raise LeaseLost(f"the lease of {lease.key} has expired")
            return self._write(path, lease.key, lease.owner, lease.purpose)

    def release(self, lease: LeaseRecord) -> bool:
        """Release the lease and delete its file; return whether it had not expired before.

        :raises LeaseLost: another owner has it, or none; nothing is changed.
        :raises OSError: the file could not be deleted; the lease expires at its deadline.
        """
        path = self._path(lease.key)
        with self._guarded(path, seconds=_GUARD_SECONDS):
            self._require(path, lease)
            path.unlink()
        return lease.is_alive(self._boot, self._now())

    def sweep(self) -> None:
        """Delete the files of leases that expired without being released. Errors are ignored."""
        with suppress(OSError):
            for path in [*self._folder.glob("*.lease"), *self._folder.glob("*.tmp")]:
                with suppress(OSError), self._guarded(path, seconds=0):
                    # No process writes a temporary file now: that needs the guard.
                    if path.suffix == ".tmp" or not self._is_held(self._read(path)):
                        path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{file_stem(key)}.lease"

    def _read(self, path: Path) -> LeaseRecord | bytes | None:
        """The record, the content of an invalid file, or ``None`` if there is no file."""
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
            raise LeaseLost(f"{lease.owner} no longer has the lease of {lease.key}")

    def _write(self, path: Path, key: str, owner: str, purpose: str | None) -> LeaseRecord:
        record = LeaseRecord(key, owner, self._now() + self._ttl, self._boot, purpose)
        temporary = path.with_suffix(".tmp")
        try:
            # Not flushed: a lease means nothing after a power cut. Renamed: a reader without the guard sees a
            # complete record, and a failed renewal leaves the previous one.
            with self._disk.create(temporary) as file:
                self._disk.write(file.fileno(), encode(record))
            self._disk.rename(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return record

    @contextmanager
    def _guarded(self, path: Path, seconds: float) -> Iterator[None]:
        """:raises Timeout: (an OSError) another process keeps the guard longer than writing a file takes."""
        with self._guards[path.name[:2]].acquire(timeout=seconds, poll_interval=_POLL_SECONDS):
            yield
