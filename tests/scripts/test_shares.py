"""scripts/shares.py: its bounds."""

import pytest
import shares


@pytest.mark.parametrize(
    ("runs", "holds"),
    [
        ([((32, 32), 100.0), ((41, 23), 90.0)], True),
        ([((32, 32), 100.0), ((42, 22), 100.0)], False),
        ([((32, 32), 100.0), ((32, 32), 84.0)], False),
    ],
    ids=["even", "one has too many", "one is too slow"],
)
def test_the_bounds_are_on_the_largest_share_and_on_the_slowest_run(runs: list, holds: bool) -> None:
    assert shares._told("this", [shares.Shares(of, rate) for of, rate in runs], 0.65) == holds
