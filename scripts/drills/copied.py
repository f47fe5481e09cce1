"""A continuous copy of the server under test, while it is under load, and how far the copy is behind."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.server import ServerBroken, clean_environment

from inventory.backup.follower_position import FollowerPositions, lag_ms
from inventory.domain.values import Instant
from inventory.eventlog.layout import Layout
from inventory.eventlog.shared_header import SharedHeader
from inventory.resilience.disk import Disk
from inventory.resilience.host_clock import HostClock
from inventory.resilience.retry import RetryPolicy

_LOOK_SECONDS = 0.02
_PASS_SECONDS = 60.0


@dataclass(slots=True)
class Copied:
    """What became of the copy. :ivar worst_lag_ms: the highest that was seen. :ivar events: what it held in the end."""

    worst_lag_ms: int = 0
    events: int = 0


@contextmanager
def copied(data_dir: Path, *, is_wanted: bool) -> Iterator[Copied]:
    """Copy the folder to the one beside it for the ``with`` block, from after the first pass on.

    :raises ServerBroken: the follower ends by itself, or makes no pass.
    """
    if not is_wanted:
        yield Copied()
        return
    target, found, done = data_dir.with_name("copy"), Copied(), threading.Event()
    command = [sys.executable, "-m", "inventory.cli", "backup", "--follow", str(target), "--data-dir", str(data_dir)]
    follower = subprocess.Popen(command, env=clean_environment(), stdout=subprocess.DEVNULL, start_new_session=True)
    watch = threading.Thread(target=_watch, args=(Layout(data_dir), found, done))
    try:
        _wait_for_a_pass(Layout(data_dir), follower)
        watch.start()
        yield found
        done.set()
        watch.join()
        if follower.poll() is not None:
            raise ServerBroken(f"the follower has ended with status {follower.returncode}")
        position = FollowerPositions(Layout(data_dir), Disk(), RetryPolicy()).find(target)
        found.events = position.sequence if position is not None else 0
    finally:
        done.set()
        follower.terminate()
        follower.wait()


def _wait_for_a_pass(layout: Layout, follower: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _PASS_SECONDS
    while lag_ms(layout, Instant(0)) is None:
        if follower.poll() is not None or time.monotonic() > end:
            raise ServerBroken("the follower makes no pass")
        time.sleep(_LOOK_SECONDS)


def _watch(layout: Layout, found: Copied, done: threading.Event) -> None:
    machine = HostClock()
    with closing(SharedHeader(layout.shared_header)) as shared:
        while not done.wait(_LOOK_SECONDS):
            lag = lag_ms(layout, Instant(shared.clock_offset + machine.since_boot()))
            found.worst_lag_ms = max(found.worst_lag_ms, lag or 0)
