"""scripts/check_size.py."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "check_size.py"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / "short.py").write_text("X = 1\n")
    return tmp_path


def check(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, checkout], capture_output=True, text=True, check=False)


def function_of(lines: int) -> str:
    return "def long() -> None:\n" + "    pass\n" * (lines - 1)


def test_files_and_functions_at_the_limit_pass(checkout: Path):
    (checkout / "limit.py").write_text(function_of(60) + "X = 1\n" * 140)
    done = check(checkout)
    assert (done.returncode, done.stdout) == (0, "2 files checked, 0 too long\n")


def test_a_file_above_250_lines_is_named(checkout: Path):
    (checkout / "long.py").write_text("X = 1\n" * 251)
    done = check(checkout)
    assert done.returncode == 1
    assert "long.py: 251 lines" in done.stdout


def test_a_function_above_60_lines_is_named_wherever_it_stands(checkout: Path):
    inner = "".join(f"    {line}\n" for line in function_of(61).splitlines())
    (checkout / "long.py").write_text(f"class Holder:\n{inner}")
    done = check(checkout)
    assert done.returncode == 1
    assert "long.py:2: long: 61 lines" in done.stdout


def test_every_offender_is_printed(checkout: Path):
    (checkout / "one.py").write_text("X = 1\n" * 251)
    (checkout / "two.py").write_text(function_of(61))
    assert "2 too long" in check(checkout).stdout


def test_files_that_git_ignores_are_not_looked_at(checkout: Path):
    (checkout / ".gitignore").write_text("made/\n")
    (checkout / "made").mkdir()
    (checkout / "made" / "long.py").write_text("X = 1\n" * 251)
    assert check(checkout).returncode == 0


def test_a_folder_without_python_files_is_not_called_good(tmp_path: Path):
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    assert check(tmp_path).returncode == 1
