"""What holds for every test: the same examples on each run, and the quick ones first."""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

# A shell that was told to run the tests in the background has it ignored, and what the tests start would be deaf too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

HERE = Path(__file__).parent
FIRST = ("unit", "contract")
OF_SCRIPTS = ("scripts", "trading")

settings.register_profile(
    "gate", derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", deadline=None, max_examples=2000)
# Whether a test fails is all that a mutation run wants to know: looking for the smallest example takes minutes.
settings.register_profile("mutants", settings.get_profile("gate"), phases=[Phase.explicit, Phase.generate])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))


@pytest.fixture(autouse=True)
def level_of_logging() -> Iterator[None]:
    """What a test sets it to is not what the next one starts with."""
    root = logging.getLogger()
    before = root.level
    yield
    root.setLevel(before)


@pytest.fixture
def show_figures(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print what a long form has measured, also where the output of tests that pass is not shown."""

    def show(figures: str) -> None:
        with capsys.disabled():
            print(f"\n{figures}")

    return show


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what tests scripts and benchmarks; put first what fails quickly."""

    def folder_of(item: pytest.Item) -> str:
        return item.path.relative_to(HERE).parts[0]

    def rank(item: pytest.Item) -> tuple[bool, int]:
        folder = folder_of(item)
        return item.get_closest_marker("slow") is not None, FIRST.index(folder) if folder in FIRST else len(FIRST)

    for item in items:
        if folder_of(item) in OF_SCRIPTS:
            item.add_marker(pytest.mark.scripts)
    items.sort(key=rank)
