"""Every step of a restore, and what a server finds afterwards."""

import os
import sys
from collections.abc import Callable

import pytest

from inventory.backup.manifest import BackupError
from inventory.eventlog.data_folder import StartRefused
from inventory.eventlog.layout import Layout
from inventory.settings import Settings
from inventory.wiring import prepare
from support.backups import folded, known

_CHANGES = ("os.mkdir", "os.rename", "os.rmdir", "os.remove", "shutil.rmtree", "os.truncate")
BROKEN, DONE, REFUSED, INTERRUPTED = 1, 2, 3, 4
"""Statuses of the child process of ``steps``."""


def steps(call: Callable[[], None], at: int, then: Callable[[], None]) -> int:
    """Make a call in a child process, and something else before its ``at``-th change of files; return its status.

    At the status 0 the call has ended, with no such step.
    """
    child = os.fork()
    if child:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status != BROKEN
        return status
    seen = 0

    def reached(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        is_written = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_RDWR | os.O_WRONLY)
        if event in _CHANGES or is_written:
            seen += 1
            if seen == at:
                then()

    status = BROKEN
    try:
        sys.addaudithook(reached)
        call()
        status = 0 if seen < at else DONE
    except (BackupError, StartRefused):
        status = REFUSED
    except KeyboardInterrupt:
        status = INTERRUPTED
    finally:
        os._exit(status)


def every_step(call: Callable[[int], int]) -> int:
    """Call it with 1, 2, 3 … until there is no such step; return how many there were."""
    step = 1
    while call(step):
        step += 1
    return step - 1


def contents(layout: Layout) -> tuple[object, ...]:
    """What a data folder holds that a restore brings back."""
    return known(folded(layout)), layout.archived_segments(), layout.snapshot_sequences()


def outcome(target: Layout, expected: object) -> str:
    """What a server that starts now finds; all of the backup, nothing, or a folder on which it may not start."""
    if not target.root.exists():
        return "nothing"
    if Layout(target.restoring).events.exists():
        with pytest.raises(StartRefused, match="has not finished"):
            prepare(Settings(data_dir=target.root))
        return "refused"
    if not target.segments():
        assert not target.archived_segments() + target.snapshot_sequences()
        return "nothing"
    prepare(Settings(data_dir=target.root))
    assert contents(target) == expected
    return "all"
