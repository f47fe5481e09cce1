"""The data folder: whether its file system and permissions allow a log, and whether processes use it."""

import fcntl
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inventory.eventlog.layout import Layout
from inventory.resilience.disk import NamedFile

_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "9p", "afs", "coda", "davfs", "ncpfs"}
    | {"ceph", "lustre", "gpfs", "beegfs", "glusterfs", "ocfs2", "gfs2"}
)
_MOUNTS = Path("/proc/self/mountinfo")
# A path is bytes, in which the kernel writes blanks and backslashes in octal.
_ESCAPED = re.compile(rb"\\([0-7]{3})")


def network_file_system(folder: Path, mounts: Path = _MOUNTS) -> str | None:
    """Return the type of the network file system that ``folder`` is on, or ``None`` if it is a local one."""
    kind = _file_system(folder.resolve(), mounts.read_bytes())
    over_network = kind in _NETWORK or (kind.startswith("fuse.") and kind not in ("fuse.fuseblk", "fuse.lxcfs"))
    return kind if over_network else None


def _file_system(folder: Path, mounts: bytes) -> str:
    best, kind = "", "unknown"
    for line in mounts.split(b"\n"):
        # 36 35 98:0 /root /mount/point options… - type source options (proc_pid_mountinfo(5))
        left, _, right = line.partition(b" - ")
        if right:
            point = os.fsdecode(_ESCAPED.sub(_unescaped, left.split(b" ")[4]))
            if folder.is_relative_to(point) and len(point) >= len(best):
                best, kind = point, right.split(b" ")[0].decode()
    return kind


def _unescaped(octal: re.Match[bytes]) -> bytes:
    return bytes([int(octal[1], 8)])


class StartRefused(Exception):
    """The service cannot start here; the message is for the operator. Nothing was changed."""


def check_folder(root: Path) -> None:
    """Check that a log may be kept in ``root``.

    :raises StartRefused: says what is wrong and what to do.
    """
    if sys.platform != "linux":
        raise StartRefused("Linux is required: the log depends on its locks, its boot id and its boot clock.")
    if not root.is_dir():
        raise StartRefused(f"DATA_DIR {root} does not exist, or is not a folder. 'inventory serve --init' creates it.")
    if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
        raise StartRefused(f"DATA_DIR {root} must be readable and writable for user {os.getuid()}.")
    kind = network_file_system(root)
    if kind is not None:
        raise StartRefused(
            f"DATA_DIR {root} is on a network file system ({kind}), where locks and flushes are not reliable enough"
            " for the log. Use a local disk."
        )


def unfinished_restore(layout: Layout) -> str | None:
    """Why the folder is not to be used, if a restore into it was interrupted or is at work; else ``None``."""
    if not Layout(layout.restoring).events.exists():
        return None
    return (
        f"{layout.root}: a restore into this folder has not finished. If it is no longer running, repeat the command"
        " 'inventory restore': it begins again."
    )


@contextmanager
def server_presence(layout: Layout, *, alone: bool = False) -> Iterator[None]:
    """Register as a process that uses DATA_DIR for the ``with`` block; ``alone``: as the only one.

    The claim is a ``flock``: workers forked in the block hold it too, and it ends with the last of them.

    :raises StartRefused: another process uses the folder (``alone``), or uses it alone.
    """
    check_folder(layout.root)
    layout.make_folders()
    descriptor = os.open(layout.server_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        if NamedFile(layout.server_lock, descriptor).why_lost() is not None:
            raise BlockingIOError  # a restore that failed has just removed it
    except BlockingIOError:
        os.close(descriptor)
        who = "a server or another command is using it; stop that first" if alone else "it is being rebuilt or restored"
        raise StartRefused(f"{layout.root}: {who}.") from None
    try:
        yield
    finally:
        os.close(descriptor)
