"""Each script says how it is used, or what is missing to use it."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
# Imported by others only.
MODULES = {"site_hooks.py", "venv_setup.py"}
# They install before they look at arguments; tests/scripts/test_setup.py tests them.
INSTALLING = {"serve.py", "test.py"}
COMMANDS = sorted(script.name for script in SCRIPTS.glob("*.py") if script.name not in MODULES | INSTALLING)

pytestmark = pytest.mark.scripts


@pytest.mark.parametrize("script", COMMANDS)
def test_help_shows_the_usage(script: str):
    done = subprocess.run([sys.executable, SCRIPTS / script, "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) > 2


@pytest.mark.parametrize("script", COMMANDS)
def test_without_the_packages_that_it_needs_it_names_one_of_them(script: str):
    # Neither site-packages nor variables of the environment.
    command = [sys.executable, "-I", "-S", SCRIPTS / script, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "is not installed here. Set up " in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
