"""The folder that a restore builds: a server that starts on it finds all of it, or is refused.

Everything is built in ``restoring/`` inside the folder, which may be a mount point, so that it could not be replaced as
a whole. While ``restoring/events`` exists, no server and no command starts on the folder. Moving that folder to its
place is the last step, and one rename. A restore that fails or is stopped removes what it made. One that was killed
leaves ``restoring/``, and the next one begins again; nothing else in the folder is ever removed.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from inventory.backup.manifest import BackupError
from inventory.eventlog.data_folder import server_presence
from inventory.eventlog.layout import Layout
from inventory.resilience.disk import Disk

_LOST_AND_FOUND = "lost+found"
"""In the root of every new ext4."""


def require_empty(layout: Layout) -> None:
    """Check that a folder is missing or has nothing in it, apart from what an interrupted restore has left to remove.

    :raises BackupError: names what is there.
    """
    if not layout.root.exists():
        return
    if not layout.root.is_dir():
        raise BackupError(f"{layout.root} is not a folder. Nothing was restored.")
    there = sorted(path.name for path in layout.root.iterdir() if not _is_nothing(layout, path))
    if there:
        raise BackupError(
            f"{layout.root} is not empty: it has {', '.join(there[:5])}. Restore into a new folder, or set the old one"
            " aside under another name. Nothing was restored."
        )


def require_apart(layout: Layout, backup: Path) -> None:
    """:raises BackupError: the folder is inside a backup, which a restore does not change."""
    if layout.root.resolve().is_relative_to(backup.resolve()):
        raise BackupError(f"{layout.root} is inside the backup {backup}. Restore into a new folder outside of it.")


def _is_nothing(layout: Layout, path: Path) -> bool:
    if path in (layout.events, layout.archive, layout.snapshots):
        return not os.listdir(path)
    if path == layout.locks:
        return os.listdir(path) in ([], [layout.server_lock.name])
    return path == layout.restoring or path.name == _LOST_AND_FOUND


class RestoringFolder:
    """A folder under restoration. :ivar built: where everything is built."""

    def __init__(self, layout: Layout, disk: Disk) -> None:
        self.built = Layout(layout.restoring)
        self._layout, self._disk = layout, disk
        self._has_begun = False

    @property
    def is_complete(self) -> bool:
        """Whether what was built is in its place."""
        return self._has_begun and not self.built.events.exists()

    def begin(self) -> None:
        """Mark the folder as one on which nothing may start, before anything is in it."""
        if self.built.root.exists():
            shutil.rmtree(self.built.root)
        for folder in (self.built.root, self.built.events, self.built.archive, self.built.snapshots):
            folder.mkdir()
        self._has_begun = True
        self._disk.sync_folder(self.built.root)
        self._disk.sync_folder(self._layout.root)

    def commit(self) -> None:
        """Move what was built to its place; the log is the last, and with it the folder is complete."""
        built, layout = self.built, self._layout
        for source in (built.events, built.archive, built.snapshots):
            self._disk.sync_folder(source)
        # An empty folder in its place is replaced; one that is not empty is an error.
        self._disk.rename(built.archive, layout.archive)
        self._disk.rename(built.snapshots, layout.snapshots)
        self._disk.sync_folder(layout.root)
        self._disk.rename(built.events, layout.events)
        self._disk.sync_folder(layout.root)
        self._disk.sync_folder(built.root)
        built.root.rmdir()
        self._disk.sync_folder(layout.root)

    def undo(self) -> None:
        """Remove what was made. Nothing starts on the folder until all of it is back in ``restoring/``."""
        built, layout = self.built, self._layout
        for source, target in ((built.snapshots, layout.snapshots), (built.archive, layout.archive)):
            if built.root.exists() and not source.exists():
                self._disk.rename(target, source)
        self._has_begun = False
        if built.root.exists():
            shutil.rmtree(built.root)
        layout.server_lock.unlink()


@contextmanager
def restoring_folder(layout: Layout, disk: Disk) -> Iterator[RestoringFolder]:
    """Make the folder if it is missing, and keep servers and commands out of it for the ``with`` block.

    On an error before the end of ``commit``, everything that was made is removed.

    :raises BackupError: it is not empty. :raises StartRefused: another process uses it, or no log can be kept there.
    """
    folder = RestoringFolder(layout, disk)
    try:
        with _kept_if_complete(folder, layout, disk):
            yield folder
    except OSError as error:
        outcome = "all files are in place, but may not be durable" if folder.is_complete else "nothing was restored"
        raise OSError(error.errno, f"{error.strerror}; {outcome}", error.filename or str(layout.root)) from error


@contextmanager
def _kept_if_complete(folder: RestoringFolder, layout: Layout, disk: Disk) -> Iterator[None]:
    inner = (layout.events, layout.archive, layout.snapshots, layout.locks)
    with ExitStack() as made:
        for path in reversed([layout.root, *layout.root.parents]):
            if not path.exists():
                made.callback(_remove_empty, *inner, path)
                path.mkdir()
                disk.sync_folder(path.parent)
        with server_presence(layout, alone=True):
            try:
                # Again: a server may have come and gone since.
                require_empty(layout)
                made.callback(_remove_empty, *inner)
                folder.begin()
                yield
            except BaseException:
                if folder.is_complete:
                    made.pop_all()
                else:
                    folder.undo()
                raise
        made.pop_all()


def _remove_empty(*folders: Path) -> None:
    for folder in folders:
        with suppress(OSError):  # missing, or not empty: another process has used it
            folder.rmdir()
