"""The folder in which the workers of one master share their counters (prometheus_client's multiprocess mode)."""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "inventory-metrics-"
# The names of prometheus_client, and its initial size; ours never outgrow it, since no client chooses a label.
_KINDS = ("counter", "gauge_livesum", "histogram")
_FILE_BYTES = 65_536
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - memory, where a counter's update cannot wait for a disk


@dataclass(frozen=True, slots=True)
class MetricsFolder:
    """A new, empty folder, reserved as long as the master or one of its workers lives.

    :ivar descriptor: open on the folder, with its ``flock``; workers inherit both.
    """

    path: Path
    descriptor: int

    def remove(self) -> None:
        """Delete the folder and its content."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.descriptor)


def make_metrics_folder(parent: Path | None = None) -> MetricsFolder:
    """Create the folder, and remove those of killed servers.

    :param parent: default: shared memory, or the folder of temporary files.
    :raises OSError: it cannot be created there.
    """
    if parent is None:
        usable = os.access(_SHARED_MEMORY, os.W_OK | os.X_OK)
        parent = _SHARED_MEMORY if usable else Path(tempfile.gettempdir())
    _remove_orphans(parent)
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        descriptor = _locked(path, fcntl.LOCK_EX)
        if descriptor is not None:
            return MetricsFolder(path, descriptor)


def reserve_files(folder: Path, pid: int) -> None:
    """Create the files that a process will map for its counters, fully allocated, before it creates a metric.

    prometheus_client would create sparse files, and a full disk under a mapping is not an error but SIGBUS.

    :raises OSError: there is no space for them.
    """
    for kind in _KINDS:
        descriptor = os.open(folder / f"{kind}_{pid}.db", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, _FILE_BYTES)
        finally:
            os.close(descriptor)


def _remove_orphans(parent: Path) -> None:
    for path in parent.glob(f"{_PREFIX}*"):
        # A lock, not a process id: another container may share this folder and use the same process ids.
        descriptor = _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if descriptor is not None:
            MetricsFolder(path, descriptor).remove()


def _locked(path: Path, how: int) -> int | None:
    """Open and lock a folder; ``None`` if it is in use, gone, or belongs to another user."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    with suppress(OSError):
        fcntl.flock(descriptor, how)
        if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
            return descriptor
    os.close(descriptor)
    return None
