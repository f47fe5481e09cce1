"""What a server's master has made of the log, for the workers that it forks."""

from inventory.eventlog.snapshot import Restored


class Handover:
    """Holds the folded log from the start's check until a process takes it, or lets it go.

    Each worker finds it in its own memory, which the kernel shares with the master's until one of them changes it.
    So a log is read once in a start, however many workers there are.
    """

    def __init__(self) -> None:
        self._folded: Restored | None = None

    def give(self, folded: Restored) -> None:
        """Keep it for those who are forked from now on."""
        self._folded = folded

    def take(self) -> Restored | None:
        """Return it, once; ``None`` where there is none, as for a worker that replaces another much later."""
        folded, self._folded = self._folded, None
        return folded


HANDOVER = Handover()
"""That of this process: the app is made far from where the master began."""
