"""A follower of a folder under test, pass by pass."""

from functools import partial
from pathlib import Path

from inventory.backup.copy import Copy
from inventory.backup.follow import Follower, marks_of
from inventory.backup.follower_position import FollowerPositions
from inventory.eventlog.ledger import FileLedger
from support.backup_copies import log_in, log_of
from support.folder import Folder, Shim, add
from support.logs import QUICK


class Following:
    """A follower of a folder. ``disk`` is that of the target."""

    def __init__(self, folder: Folder, target: Path) -> None:
        self.folder, self.target, self.disk = folder, target, Shim()
        self.positions = FollowerPositions(folder.layout, Shim(), QUICK)
        self.restart()

    def restart(self) -> None:
        self.copying = Copy(self.folder.layout, self.target, self.disk, self.folder.machine, QUICK)
        marks = partial(marks_of, self.folder.layout, self.folder.machine)
        self.follower = Follower(self.target, self.copying, self.positions, marks)

    def passes(self) -> bool:
        return self.follower.pass_once()

    def has_everything(self) -> bool:
        return log_of(self.target) == log_in(self.folder.layout)


def more(ledger: FileLedger, many: int = 10) -> None:
    for _ in range(many):
        add(ledger)
