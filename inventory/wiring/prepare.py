"""What a starting server, or a command, first does to DATA_DIR, and what it preloads for workers."""

import os
from pathlib import Path

from inventory.eventlog.data_folder import StartRefused, check_folder, network_file_system, unfinished_restore
from inventory.eventlog.errors import EventsMissing, LogDamaged, LogError
from inventory.eventlog.layout import Layout
from inventory.eventlog.log_check import Progress
from inventory.eventlog.recovery import Recovery, recover
from inventory.eventlog.snapshot import Restored
from inventory.resilience.disk import Disk
from inventory.resilience.host_clock import HostClock
from inventory.service.clock_lead import TOLERATED_MS, duration
from inventory.settings import Settings
from inventory.wiring.resilience import lease_folder

_DAMAGED = "Keep a copy of the folder as it is now. docs/how-to/damaged-log.md says what to do."
_MISSING = (
    "First look for the files: a disk that is not mounted, another name, another folder. A backup helps only if the"
    " files are lost and the backup has these events: see docs/how-to/damaged-log.md.\n"
    "If you restored an older log on purpose, move the files of later events out of the folder: see"
    " docs/how-to/backup-and-restore.md."
)


def layout_of(settings: Settings) -> Layout:
    """The paths that follow from the settings."""
    return Layout(Path(settings.data_dir).absolute())


def prepare(settings: Settings, *, progress: Progress | None = None, disk: Disk | None = None) -> Recovery:
    """Prepare a folder for processes to open: a valid, durable, committed log, and a shared header of this boot.

    Safe beside running servers. Workers never call it.

    :param progress: called with the bytes checked and the bytes in total.
    :raises StartRefused: the folder, the file system, the disk or the log does not allow a start.
    """
    layout = layout_of(settings)
    check_folder(layout.root)
    if (unfinished := unfinished_restore(layout)) is not None:
        raise StartRefused(unfinished)
    check_lease_folder(settings)
    try:
        return recover(layout, disk or Disk(), HostClock(), progress or (lambda _done, _all: None))
    except LogDamaged as error:
        raise StartRefused(
            f"The event log is {'incomplete' if isinstance(error, EventsMissing) else 'damaged'}: {error}.\n"
            f"Nothing was changed. Examine it with: inventory verify --data-dir {layout.root}\n"
            + (_MISSING if isinstance(error, EventsMissing) else _DAMAGED)
        ) from error
    except LogError as error:
        raise StartRefused(f"{layout.root}: {error}") from error
    except OSError as error:
        raise StartRefused(f"{layout.root} cannot be used: {error}") from error


def clock_warning(recovery: Recovery) -> str | None:
    """The warning for the operator if the time of events is well ahead of the wall clock; else ``None``."""
    if recovery.ahead_ms <= TOLERATED_MS:
        return None
    return (
        f"the time of events is {duration(recovery.ahead_ms)} ahead of the wall clock of this host, because of the last"
        " event or the first start since the boot: new events carry that time until the clock has caught up; see"
        " docs/how-to/wrong-clock.md"
    )


def cut_message(recovery: Recovery) -> str | None:
    """What was cut off the end of the log, for the operator; ``None`` if nothing was."""
    if recovery.cut is None:
        return None
    if recovery.was_unconfirmed:
        return f"cut changes that were never confirmed off the end of the log; a copy is in {recovery.cut}"
    last = recovery.end.sequence
    return (
        f"cut an incomplete write off the end of the log, after event {last}; a copy is in {recovery.cut}. A power cut"
        " leaves such an end, without a confirmed change. If this folder is a copy, it may have been cut, and confirmed"
        f" changes after event {last} may be missing"
    )


def check_lease_folder(settings: Settings) -> None:
    """Create the folder of the leases, if leases are enabled.

    :raises StartRefused: leases cannot be kept there.
    """
    if not settings.locks_enabled:
        return
    folder = lease_folder(settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kind = network_file_system(folder)
    except OSError as error:
        raise StartRefused(f"LOCK_DIR {folder} cannot be used: {error.strerror or error}.") from error
    if kind is not None or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        why = f"is on a network file system ({kind})" if kind else "must be readable and writable"
        raise StartRefused(f"LOCK_DIR {folder} {why}.")


class PreloadedState:
    """Keeps the folded log from the check at the start until a process takes it, or drops it.

    Each worker has it in its own memory, which the kernel shares with the master until one of them changes it. So a
    start reads a log once, however many workers there are.
    """

    def __init__(self) -> None:
        self._folded: Restored | None = None

    def give(self, folded: Restored) -> None:
        """Keep it for the processes that are forked from now on."""
        self._folded = folded

    def take(self) -> Restored | None:
        """Return it, once; ``None`` if there is none, as in a worker that replaces another much later."""
        folded, self._folded = self._folded, None
        return folded


PRELOADED_STATE = PreloadedState()
"""The one of this process: the app is created far from where the master started."""
