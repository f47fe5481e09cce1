"""scripts/instructions.py: the counted steps can be repeated as often as requested, and their answers are right."""

import subprocess
import sys
from pathlib import Path

import pytest
from bench.steps import STEPS

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize("name", STEPS)
def test_a_step_can_be_done_again_and_again(name):
    with STEPS[name]() as step:
        for _ in range(3):
            step()


def test_an_unknown_step_is_refused_with_those_that_there_are():
    ended = subprocess.run(
        [sys.executable, SCRIPTS / "instructions.py", "dance"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "no such step: dance" in ended.stderr
