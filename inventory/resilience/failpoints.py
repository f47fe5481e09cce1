"""Fault injection: a disk that delays, fails or kills at named places. Enabled by a setting, for tests only.

    before-append=fail:EIO@10-20,in-publish=delay:50,after-sync=kill-group@3

``<place>=<action>[@<n>|@<n>-<m>]``, separated by commas. A place is one of ``Place``. Actions:

    delay:<ms>          wait
    fail:<ERRNO NAME>   raise that OSError: ENOSPC, EIO …
    kill                SIGKILL to this process
    kill-group          SIGKILL to its process group: a whole server, or a command and its shell's group

``@n``: only the n-th time that this process reaches the place. ``@n-m``: the n-th to the m-th time. Default: always.
"""

import errno
import os
import re
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import get_args

from inventory.resilience.disk import Disk, Place

_FORM = re.compile(r"(?P<place>[^=@:]+)=(?P<action>[^=@:]+)(?::(?P<value>[^=@:]+))?(?:@(?P<times>[^=@:]+))?")
_TIMES = re.compile(r"([1-9][0-9]{0,8})(?:-([1-9][0-9]{0,8}))?", re.ASCII)
_MS = re.compile(r"[1-9][0-9]{0,6}", re.ASCII)
_ERRNOS = {name: number for number, name in errno.errorcode.items()}
_KILLS = ("kill", "kill-group")


@dataclass(frozen=True, slots=True)
class Failpoint:
    """What happens at one place, from the ``first`` to the ``last`` time (``None``: for ever) that it is reached.

    :ivar value: milliseconds of a delay, the number of an error; 0 for kills.
    """

    place: Place
    action: str
    value: int = 0
    first: int = 1
    last: int | None = None

    def covers(self, time_reached: int) -> bool:
        """Whether the fault happens that time; the first one is 1."""
        return self.first <= time_reached and (self.last is None or time_reached <= self.last)

    def __str__(self) -> str:
        value = {"delay": f":{self.value}", "fail": f":{errno.errorcode.get(self.value)}"}.get(self.action, "")
        times = "" if self.last is None else f"@{self.first}-{self.last}"
        return f"{self.place}={self.action}{value}{times}"


def parse_failpoints(text: str) -> tuple[Failpoint, ...]:
    """Parse a specification.

    :raises ValueError: it is invalid; the message continues the words "is not".
    """
    return tuple(_failpoint(part.strip()) for part in text.split(","))


def _failpoint(part: str) -> Failpoint:
    form = _FORM.fullmatch(part)
    if form is None:
        raise ValueError(f"valid: {part!r} is not <place>=<action>, <place>=<action>@<n> or <place>=<action>@<n>-<m>")
    place = next((known for known in get_args(Place) if known == form["place"]), None)
    if place is None:
        raise ValueError(f"valid: {part!r} names none of the places {', '.join(get_args(Place))}")
    first, last = _times(part, form["times"])
    return Failpoint(place, form["action"], _value(part, form["action"], form["value"]), first, last)


def _value(part: str, action: str, value: str | None) -> int:
    if action == "delay" and value is not None and _MS.fullmatch(value):
        return int(value)
    if action == "fail" and value in _ERRNOS:
        return _ERRNOS[value]
    if action in _KILLS and value is None:
        return 0
    raise ValueError(
        f"valid: {part!r} has none of the actions delay:<ms>, fail:<name of an errno>, {', '.join(_KILLS)}"
    )


def _times(part: str, text: str | None) -> tuple[int, int | None]:
    if text is None:
        return 1, None
    found = _TIMES.fullmatch(text)
    if found is None or int(found[2] or found[1]) < int(found[1]):
        raise ValueError(f"valid: {part!r} does not end in a number from 1, or in two ascending ones")
    return int(found[1]), int(found[2] or found[1])


def _kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)


class FaultyDisk(Disk):
    """The real disk, with faults at the given places. Each counts how often this process reaches it."""

    def __init__(
        self,
        failpoints: Sequence[Failpoint],
        *,
        sleep: Callable[[float], None] = time.sleep,
        kill: Callable[[int], None] = _kill,
    ) -> None:
        """:param kill: called with a process id, or 0 for the process group."""
        # next() on a count is atomic.
        self._armed = [(point, count(1)) for point in failpoints]
        self._splits = any(point.place == "during-append" for point in failpoints)
        self._sleep = sleep
        self._kill = kill

    def reach(self, place: Place) -> None:
        """Cause the faults of this place.

        :raises OSError: the injected error.
        """
        for point, times in self._armed:
            if point.place == place and point.covers(next(times)):
                self._do(point)

    def append(self, descriptor: int, data: bytes) -> int:
        """See ``Disk.append``; in two halves if a fault is injected between them."""
        self.reach("before-append")
        taken = 0
        if self._splits:
            taken = super().append(descriptor, data[: len(data) // 2])
            self.reach("during-append")
        taken += super().append(descriptor, data[taken:])
        self.reach("after-append")
        return taken

    def fdatasync(self, descriptor: int) -> None:
        """See ``Disk.fdatasync``."""
        self.reach("before-sync")
        super().fdatasync(descriptor)
        self.reach("after-sync")

    def rename(self, source: Path, target: Path) -> None:
        """See ``Disk.rename``."""
        self.reach("before-rename")
        super().rename(source, target)
        self.reach("after-rename")

    def _do(self, point: Failpoint) -> None:
        match point.action:
            case "delay":
                self._sleep(point.value / 1000)
            case "fail":
                raise OSError(point.value, f"{os.strerror(point.value)} (injected, {point.place})")
            case "kill":
                self._kill(os.getpid())
            case "kill-group":
                self._kill(0)
