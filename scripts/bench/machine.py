"""The environment that the figures depend on: the machine, its disk, the versions."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.load import percentile

_SYNCS = 300
_LINE = b"x" * 399 + b"\n"
_IN_MEMORY = ("tmpfs", "ramfs")


def describe(folder: Path) -> dict[str, Any]:
    """Name everything of that kind; ``folder`` is where the servers' data will be."""
    device, mount, kind = _file_system(folder)
    p50, p99 = _cost_of_a_sync(folder)
    return {
        "cores": len(os.sched_getaffinity(0)),
        "coresOfMachine": os.cpu_count(),
        "processor": _processor(),
        "kernel": platform.release(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": {name: version(name) for name in ("gunicorn", "flask", "werkzeug", "marshmallow", "orjson")},
        "folder": str(folder),
        "fileSystem": kind,
        "device": device,
        "mountedAt": mount,
        "survivesPowerCut": kind not in _IN_MEMORY,
        "fdatasyncMs": {"p50": p50, "p99": p99},
        "loadAverage": os.getloadavg()[0],
    }


def _cost_of_a_sync(folder: Path) -> tuple[float, float]:
    """Milliseconds for adding 400 bytes to a file and making them durable: the 50th and 99th percentile."""
    path = folder / "fdatasync-probe"
    took = []
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        for _ in range(_SYNCS):
            started = time.perf_counter_ns()
            os.write(descriptor, _LINE)
            os.fdatasync(descriptor)
            took.append(time.perf_counter_ns() - started)
    finally:
        os.close(descriptor)
        path.unlink()
    took.sort()
    return percentile(took, 0.5) / 1e6, percentile(took, 0.99) / 1e6


def _file_system(folder: Path) -> tuple[str, str, str]:
    """Device, mount point and kind of the file system that ``folder`` is on."""
    place, best = folder.resolve(), ("?", "", "?")
    for line in Path("/proc/self/mounts").read_text().splitlines():
        device, mount, kind = line.split()[:3]
        if place.is_relative_to(mount) and len(mount) >= len(best[1]):
            best = (device, mount, kind)
    return best


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
