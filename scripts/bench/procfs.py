"""Processes as /proc describes them: processor time, children, connections."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_ESTABLISHED = "01"


def processor_seconds(pids: Sequence[int]) -> float:
    """Processor time, user and system, that living processes have used so far; in steps of 10 ms."""
    return sum(_ticks(pid) for pid in pids) / _TICKS


def resident_bytes(pids: Sequence[int]) -> list[int]:
    """The memory that each process holds; 0 for one that has ended."""
    return [_pages(pid) * _PAGE for pid in pids]


def children(pid: int) -> list[int]:
    """The processes that ``pid`` has started and that are alive."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in found.split()]


def owners(pids: Sequence[int], port: int) -> dict[int, int]:
    """Which of the processes has accepted which connection to the local ``port``, by the client's port."""
    holder = {inode: pid for pid in pids for inode in _open_sockets(pid)}
    found = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        # sl, local address, remote address, state, …; the tenth is the inode, 0 until a process accepts.
        fields = line.split()
        if fields[3] == _ESTABLISHED and _port(fields[1]) == port and fields[9] in holder:
            found[_port(fields[2])] = holder[fields[9]]
    return found


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def _ticks(pid: int) -> int:
    try:
        # The command's name, in brackets, may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0


def _open_sockets(pid: int) -> list[str]:
    """The inodes of a process's sockets."""
    found = []
    # It has ended, or a descriptor was closed meanwhile; the others are still there.
    with suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                name = os.readlink(f"/proc/{pid}/fd/{descriptor}")
                if name.startswith("socket:["):
                    found.append(name[8:-1])
    return found
