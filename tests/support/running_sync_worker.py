"""``inventory worker`` as a process of its own."""

from pathlib import Path

from support.running_command import RunningCommand


class RunningWorker(RunningCommand):
    """One worker on a data folder, at work."""

    arguments = ("worker",)
    ready = "working"

    def __init__(self, data_dir: Path, logs: Path, **settings: object) -> None:
        super().__init__(data_dir, logs, **settings)
        self.until_ready()
