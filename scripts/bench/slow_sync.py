"""A slower disk than the real one: every process that is started takes longer for each of its flushes."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SOURCE = Path(__file__).with_name("slow_sync.c")


class NoCompiler(Exception):
    """Slower or missing syncs take a C compiler, and none works here."""


@contextmanager
def slower_syncs(folder: Path, milliseconds: float) -> Iterator[None]:
    """For the ``with`` block, let ``fsync`` and ``fdatasync`` of processes that are started take so much longer.

    Databases that stand beside the servers too; this process does not. Nothing is done for 0.

    :param folder: where the library goes that they load first (``LD_PRELOAD``).
    :raises NoCompiler: there is none, or it has failed.
    :raises ValueError: the folder's path has a space or a colon, which ``LD_PRELOAD`` takes for its end.
    """
    if not milliseconds:
        yield
        return
    if set(str(folder)) & set(" :"):
        # The loader would say so once and pass over it: a comparison on the fast disk, under the slow one's name.
        raise ValueError(f"--sync-ms can do nothing in a folder with a space or a colon in its path: {folder}")
    library = compiled(_SOURCE, folder / "slow_sync.so")
    before = dict(os.environ)
    os.environ["LD_PRELOAD"] = f"{library} {before.get('LD_PRELOAD', '')}".strip()
    os.environ["SLOW_SYNC_US"] = str(round(milliseconds * 1000))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def compiled(source: Path, library: Path) -> Path:
    """Make a library that ``LD_PRELOAD`` can name; returns it. :raises NoCompiler: there is none, or it has failed."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise NoCompiler("slower or missing syncs need a C compiler, cc; none is installed")
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        raise NoCompiler(f"cc did not make {library.name}: {made.stderr.strip()}")
    # A database may run as another user.
    library.parent.chmod(0o755)
    library.chmod(0o755)
    return library
