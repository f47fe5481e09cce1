"""Compare this checkout with another: the same two contestants of both, in one run, on one interpreter."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.contestants import CONTESTANTS, Contestant, Target
from bench.server import CHECKOUT, environment_of

COMPARED = ("adjust", "read")
AT_LEAST = 0.97
_OTHER = "-other"
_PARTS = ("inventory/__init__.py", "scripts/bench/gunicorn_conf.py")

PAIRS: Sequence[Target] = tuple(Target(name, f"{name}{_OTHER}", AT_LEAST) for name in COMPARED)
"""The ratios of such a run: this checkout to the other one."""


def of_both(other: Path) -> list[Contestant]:
    """Return the contestants ``adjust`` and ``read`` of this checkout, and those of ``other`` as ``adjust-other`` …

    The servers of ``other`` run its own package and its own gunicorn settings, on this interpreter with the packages
    that are installed here. After each round the log of both is verified by the package of this checkout.

    :raises ValueError: see ``other_checkout``.
    """
    other = other_checkout(other)
    ours = [contestant for contestant in CONTESTANTS if contestant.name in COMPARED]
    theirs = [replace(one, name=f"{one.name}{_OTHER}", what=f"{one.what}: {other}", checkout=other) for one in ours]
    return [*ours, *theirs]


def other_checkout(other: Path) -> Path:
    """Return the resolved folder of a checkout whose servers run its own package.

    :raises ValueError: ``other`` is no checkout, is this one, or its package is not what an import there finds.
    """
    other = other.resolve()
    missing = [part for part in _PARTS if not (other / part).is_file()]
    if missing:
        raise ValueError(f"{other} is not a checkout of the service: it has no {' and no '.join(missing)}")
    if other == CHECKOUT:
        raise ValueError(f"{other} is this checkout: the ratio would be that of a program to itself")
    found = imported_package(other)
    if found != other / _PARTS[0]:
        raise ValueError(f"the servers of {other} would import the package of another place: {found}")
    return other


def imported_package(checkout: Path) -> Path:
    """The file of the package that a server of ``checkout`` imports."""
    command = [sys.executable, "-c", "import inventory; print(inventory.__file__)"]
    said = subprocess.run(
        command, cwd="/", env=environment_of(checkout), capture_output=True, text=True, check=True, timeout=60
    )
    return Path(said.stdout.strip()).resolve()


def commit_of(checkout: Path) -> str:
    """The commit that is checked out, with ``-dirty`` behind it where files differ; ``unknown`` without git."""
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return said.stdout.strip()
