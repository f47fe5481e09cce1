"""Write requirements/*.txt: the exact version, and the hashes, of every package that is installed into an environment.

    python3 scripts/test.py -e lock                             pin what is new; versions that still fit are kept
    python3 scripts/test.py -e lock -- --upgrade                take the newest version of everything
    python3 scripts/test.py -e lock -- --upgrade-package flask  take the newest version of one package

What is wanted stands in setup.cfg (the service and its extras) and in pyproject.toml (the groups of tools). The files
hold for every Python from 3.11 on. They change together or, if anything fails, not at all.
"""

import configparser
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
FOLDER = CHECKOUT / "requirements"
# setup.cfg says the same.
OLDEST_PYTHON = "3.11"
COMMAND = "python3 scripts/test.py -e lock"
_SERVICE = "service"


def wanted(checkout: Path = CHECKOUT) -> Mapping[str, Sequence[str]]:
    """Return the requirements of each environment by its name; ``requirements/<name>.txt`` pins them.

    ``service`` is the service itself, ``build`` what builds its wheel. An extra, and a tool that imports the service,
    come with what the service needs.
    """
    setup = configparser.ConfigParser()
    setup.read(checkout / "setup.cfg", encoding="utf-8")
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
    service = _lines(setup["options"]["install_requires"])
    extras = {name: service + _lines(text) for name, text in setup["options.extras_require"].items()}
    beside = {_SERVICE: service, **extras}
    groups = {
        name: beside.get(project["tool"]["lock"]["beside"].get(name, ""), []) + group
        for name, group in project["dependency-groups"].items()
    }
    return {"build": project["build-system"]["requires"], **beside, **groups}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def write(checkout: Path, options: Sequence[str]) -> None:
    """Pin everything that is wanted.

    :raises subprocess.CalledProcessError: for a version that cannot be found; no file has changed.
    """
    folder = checkout / "requirements"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as made:
        new = Path(made)
        # The tests run what is served, and tox is installed beside the service: all agree on the versions of "test".
        names = sorted(wanted(checkout), key=lambda name: (name != "test", name))
        for name in names:
            if (old := folder / f"{name}.txt").exists():
                shutil.copy(old, new)
            agreed = [] if name == "test" else ["--constraint", str(new / "test.txt")]
            _compile(wanted(checkout)[name], new / f"{name}.txt", [*agreed, *options])
            print(f"requirements/{name}.txt", flush=True)
        for name in names:
            os.replace(new / f"{name}.txt", folder / f"{name}.txt")
    for stale in {file.stem for file in folder.glob("*.txt")} - set(names):
        (folder / f"{stale}.txt").unlink()


def _compile(requirements: Sequence[str], file: Path, options: Sequence[str]) -> None:
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "-", "--output-file", str(file)]
    every_python = ["--universal", "--python-version", OLDEST_PYTHON, "--no-python-downloads"]
    # Hashes of wheels and source archives; nothing is built here, so nothing that was fetched is run.
    form = ["--generate-hashes", "--no-build", "--no-annotate", "--custom-compile-command", COMMAND]
    subprocess.run(
        [*command, *every_python, *form, *options], input="\n".join(requirements), text=True, check=True, cwd=CHECKOUT
    )


def main(options: Sequence[str]) -> int:
    """Write the files. Return 1 if a version cannot be found; uv has said why."""
    if "--help" in options or "-h" in options:
        print(__doc__)
        return 0
    try:
        write(CHECKOUT, options)
    except subprocess.CalledProcessError as error:
        print("requirements has not changed: see above", file=sys.stderr)
        return int(error.returncode) or 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
