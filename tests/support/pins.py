"""What requirements/*.txt pin, and whether that is what setup.cfg and pyproject.toml want."""

import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PYTHONS = ("3.11.0", "3.11.14", "3.12.12", "3.13.9", "3.14.1", "3.15.0")
MACHINES = ("x86_64", "aarch64")


class Pin(NamedTuple):
    """One entry of a file: a package, its version, where it is installed, and the hashes of its archives."""

    name: str
    version: Version
    where: Marker | None
    hashes: Sequence[str]


def pins(text: str) -> list[Pin]:
    """Read a file. :raises ValueError: an entry is no exact version."""
    found = []
    joined = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    for line in joined.splitlines():
        spec, *hashes = line.split("--hash=")
        wanted = Requirement(spec)
        exact = re.fullmatch(r"==([^=*]+)", str(wanted.specifier))
        if exact is None or wanted.extras:
            raise ValueError(f"{spec.strip()} is no exact version")
        name = canonicalize_name(wanted.name)
        found.append(Pin(name, Version(exact[1]), wanted.marker, [each.strip() for each in hashes]))
    return found


def unsatisfied(requirements: Sequence[str], pinned: Sequence[Pin]) -> Iterator[str]:
    """Say which requirement has no version, or the wrong one, on which Python."""
    for text, python, machine in product(requirements, PYTHONS, MACHINES):
        wanted = Requirement(text)
        here = _environment(python, machine)
        if wanted.marker is not None and not wanted.marker.evaluate(here):
            continue
        versions = [
            pin.version
            for pin in pinned
            if pin.name == canonicalize_name(wanted.name) and (pin.where is None or pin.where.evaluate(here))
        ]
        if len(versions) != 1 or not wanted.specifier.contains(versions[0], prereleases=True):
            found = ", ".join(map(str, versions)) or "nothing"
            yield f"{text}: {found} is pinned for Python {python} on {machine}"


def _environment(python: str, machine: str) -> dict[str, str]:
    system = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": machine}
    names = {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
    version = {"python_version": ".".join(python.split(".")[:2]), "python_full_version": python}
    return {**{key: str(value) for key, value in default_environment().items()}, **system, **names, **version}
