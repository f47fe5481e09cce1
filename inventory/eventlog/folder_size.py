"""The size of a folder in bytes, without a look at every file each time."""

import os
import threading
from pathlib import Path


class FolderSize:
    """Adds up a folder of files that are written once, apart from the one whose name is the last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes: dict[str, int] = {}
        self._total = 0
        self._guard = threading.Lock()

    def bytes(self) -> int:
        """Return the sum; looks at the files that have come since, and at the two that may have been written to."""
        with self._guard:
            names = set(os.listdir(self._folder))
            known = self._sizes.keys()
            # What was the last one when it was looked at may have grown until the next one was begun.
            look = names - known | {max(known, default=""), max(names, default="")} & names
            for name in known - names:
                self._total -= self._sizes.pop(name)
            for name in look:
                try:
                    size = os.stat(f"{self._folder}/{name}").st_size
                except FileNotFoundError:
                    continue  # moved meanwhile
                self._total += size - self._sizes.get(name, 0)
                self._sizes[name] = size
            return self._total
