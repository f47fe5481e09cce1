"""Shared files: whether the one that this process has open is still the one of that name."""

import os
from pathlib import Path


class NamedFile:
    """The identity (device and inode) of a file that this process keeps open or mapped, and its name.

    A file that is open keeps its inode, so no other file can be taken for it.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        """:param descriptor: open on the file; may be closed afterwards if a mapping stays."""
        self.name = os.fspath(path)
        self.status = os.fstat(descriptor)

    def why_lost(self) -> str | None:
        """Why the name does not lead to this file any more; ``None`` while it does."""
        try:
            found = os.stat(self.name)
        except OSError as error:
            return f"{self.name} was removed or moved away ({error.strerror})"
        return None if os.path.samestat(self.status, found) else f"{self.name} was replaced by another file"
