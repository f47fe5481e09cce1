"""The virtual environment of a checkout: made once in .venv, made again when its sources change.

Standard library only, and in the syntax of Python 3.6, so that an older Python gets far enough to say what is needed.
"""

import contextlib
import fcntl
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import TextIO

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(CHECKOUT, ".venv")
OLDEST = (3, 11)
_OLD_NAME = "inventory"
_UNFINISHED = os.path.join(VENV, "unfinished")
_MADE_FOR = os.path.join(VENV, "made-for")
_NO_NETWORK = (
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeoutError",
    "Network is unreachable",
    "Temporary failure in name resolution",
    "Connection refused",
)


def venv_python() -> "str":
    """Return the path of the environment's interpreter."""
    return os.path.join(VENV, "bin", "python")


@contextlib.contextmanager
def plain_endings() -> "Iterator[None]":
    """End on Ctrl-C, or on a file that cannot be written, with a line instead of a trace."""
    try:
        yield
    except KeyboardInterrupt:
        _say("\nStopped. Run the command again to go on.", sys.stderr)
        sys.exit(130)
    except OSError as error:
        sys.exit(f"This could not be done: {error}")


def require_new_python() -> "None":
    """Go on in a new enough Python: this one, or the newest that is found; exits where there is none."""
    if sys.version_info >= OLDEST:
        return
    for python in sorted(_pythons_on_path() + pyenv_pythons(), key=_version, reverse=True):
        if _version(python) >= OLDEST:
            _say(f"This is Python {sys.version.split()[0]}; going on with {python}.")
            os.execv(python, [python, *sys.argv])
    sys.exit(
        f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {sys.version.split()[0]}, and no newer one was"
        " found on PATH or in pyenv."
    )


def pyenv_pythons() -> "list[str]":
    """Return the interpreters that pyenv has installed and that are new enough, on PATH or not."""
    roots = [os.environ.get("PYENV_ROOT", ""), os.path.join(os.path.expanduser("~"), ".pyenv")]
    folders = {os.path.realpath(path) for root in roots if root for path in glob.glob(root + "/versions/*/bin")}
    pythons = [os.path.join(folder, "python3") for folder in sorted(folders)]
    return [python for python in pythons if _version(python) >= OLDEST]


def install(name: "str", locks: "list[str]", checkout: "bool" = False) -> "None":
    """Have exactly what ``requirements/<lock>.txt`` pins in the environment; returns at once if it is there.

    :param checkout: install the service, too, so that it runs from the files of the checkout.
    """
    stamp = os.path.join(VENV, "installed-" + name.split()[-1])
    files = [os.path.join("requirements", lock + ".txt") for lock in locks]
    wanted = _fingerprint(files)
    with _one_at_a_time():
        usable = _is_usable()
        if usable and _read(stamp) == wanted:
            return
        if not usable:
            _make_venv()
        _write(_UNFINISHED, "")
        _say(f"Installing {name} into .venv; the first time takes up to a minute ...")
        if _has_old_name():
            _pip("uninstall", ["--yes", _OLD_NAME])
        _pip("install", ["--require-hashes"] + [part for file in files for part in ("--requirement", file)])
        if checkout:
            # What it needs, and what builds it, is there by now.
            _pip("install", ["--no-deps", "--no-build-isolation", "--no-index", "--editable", CHECKOUT])
        _write(stamp, wanted)
        os.unlink(_UNFINISHED)
        _say("Installed.")


def _is_usable() -> "bool":
    """Whether .venv is complete, stands where it was made (its commands name the place), and has a Python that runs."""
    moved = os.path.exists(_MADE_FOR) and _read(_MADE_FOR) != CHECKOUT
    return not os.path.exists(_UNFINISHED) and not moved and _version(venv_python()) >= OLDEST


def _make_venv() -> "None":
    _say(f"Making .venv with Python {sys.version.split()[0]} ...")
    shutil.rmtree(VENV, ignore_errors=True)
    os.makedirs(VENV)
    # Left behind by whatever stops us from here on: the next run then starts from an empty environment.
    _write(_UNFINISHED, "")
    _write(_MADE_FOR, CHECKOUT)
    done = _run([sys.executable, "-m", "venv", VENV])
    if done.returncode != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        if "ensurepip" in done.stdout or "No module named venv" in done.stdout:
            sys.exit(
                "This Python cannot make virtual environments: its venv or ensurepip module is missing."
                " On Debian and Ubuntu: apt install python3-venv"
            )
        sys.exit(f"{done.stdout}\nThe virtual environment .venv could not be made; the reason is above.")


def _has_old_name() -> "bool":
    """Whether the distribution is there under the name that it had up to 0.2.0.dev0 as of 915b140.

    Removed later, it would take the commands of the new one along.
    """
    return bool(glob.glob(glob.escape(VENV) + "/lib/python*/site-packages/" + _OLD_NAME + "-*.dist-info"))


def _pip(command: "str", arguments: "list[str]") -> "None":
    pip = [venv_python(), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "2"]
    done = _run([*pip, command, "--quiet", *arguments])
    if done.returncode == 0:
        return
    _say(done.stdout.rstrip("\n"), sys.stderr)
    if any(sign in done.stdout for sign in _NO_NETWORK):
        sys.exit("The package index could not be reached. Check the network (or PIP_INDEX_URL) and run this again.")
    sys.exit("The packages could not be installed; what pip says is above.")


def _run(command: "list[str]") -> "subprocess.CompletedProcess[str]":
    # PIP_USER, from a person's settings, is refused inside an environment, and PIP_REQUIRE_HASHES refuses a folder;
    # PYTHONHOME would mix two Pythons.
    environment = dict(os.environ, PIP_USER="0", PIP_REQUIRE_HASHES="0", PYTHONNOUSERSITE="1")
    environment.pop("PYTHONHOME", None)
    environment.pop("PYTHONPATH", None)
    return subprocess.run(
        command,
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        check=False,
    )


def _pythons_on_path() -> "list[str]":
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    found = [path for folder in folders if folder for path in glob.glob(os.path.join(folder, "python3*"))]
    return [path for path in found if re.search(r"/python3(\.[0-9]+)?$", path)]


def _version(python: "str") -> "tuple[int, ...]":
    """Ask an interpreter for its version; () where it does not run, as pyenv's stand-ins do at times."""
    try:
        done = _run([python, "-I", "-c", "import sys; print(*sys.version_info[:2])"])
    except OSError:
        return ()
    words = done.stdout.split()
    return tuple(int(word) for word in words) if done.returncode == 0 and "".join(words).isdigit() else ()


@contextlib.contextmanager
def _one_at_a_time() -> "Iterator[None]":
    """Keep two commands that were started together from making the environment at once."""
    folder = os.open(CHECKOUT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _fingerprint(files: "list[str]") -> "str":
    digest = hashlib.sha256(CHECKOUT.encode())
    for name in ["setup.cfg", "pyproject.toml"] + files:
        digest.update(_read(os.path.join(CHECKOUT, name)).encode())
    return digest.hexdigest()


def _read(path: "str") -> "str":
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _write(path: "str", text: "str") -> "None":
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _say(line: "str", where: "TextIO | None" = None) -> "None":
    # A closed or full output ends nothing.
    with contextlib.suppress(OSError):
        print(line, file=where, flush=True)
