"""Which file system a folder is on: locks and syncs mean something else on a network's."""

import os
import re
from pathlib import Path

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
