"""The program of the version before, from the history of this repository, if the clone has it."""

import subprocess
import sys
from pathlib import Path

import pytest

COMMIT = "915b1408527580bf9bae7e6200acc7644816ad3e"
"""The commit that CHANGELOG.md describes the upgrade from."""
_CHECKOUT = Path(__file__).parents[2]
_WHERE = "import inventory; print(inventory.__file__)"


def unpacked(folder: Path) -> Path:
    """Put the program into ``folder``, to be imported from there; skips the test where it cannot be had."""
    archive = ["git", "-C", str(_CHECKOUT), "archive", "--format=tar", COMMIT, "inventory", "gunicorn.conf.py"]
    try:
        packed = subprocess.run(archive, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("the version before cannot be had: git is not installed")
    if packed.returncode:
        pytest.skip(f"the version before cannot be had: {packed.stderr.decode(errors='replace').strip()}")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    found = subprocess.run(
        [sys.executable, "-c", _WHERE],
        env={"PYTHONPATH": str(folder)},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()) == folder / "inventory/__init__.py", "another version is in its place"
    return folder
