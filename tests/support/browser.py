"""A real headless browser: Debian's Chromium, which can reach this host only."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

NEEDS_CHROMIUM = pytest.mark.skipif(
    shutil.which("chromium") is None, reason="chromium is not installed (Debian: chromium)"
)
_OPTIONS = (
    "--headless",
    # Root may not use the sandbox, and containers often have little shared memory.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--enable-logging=stderr",
    # The page's own clock: it ends when nothing is left to load or to run.
    "--virtual-time-budget=60000",
    "--dump-dom",
)


class Shown(NamedTuple):
    """A page as the browser shows it, after its scripts, and what its console has."""

    html: str
    console: list[str]


def show(url: str, profile: Path) -> Shown:
    """Load a page. :param profile: a folder for the browser's own files."""
    done = subprocess.run(
        ["chromium", *_OPTIONS, f"--user-data-dir={profile}", url],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    return Shown(done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE:" in line])
