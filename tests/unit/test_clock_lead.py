"""How far the time of the service is ahead of the wall clock."""

import pytest

from inventory.domain.values import Instant
from inventory.service.clock_lead import ClockLead


@pytest.mark.parametrize(
    ("now", "wall", "told"),
    [(1_000_000, 1_000_000, 0), (1_000_000, 1_000_400, 0), (1_000_000, 1_001_000, -1), (1_002_500, 1_000_000, 2)],
    ids=["equal", "read a moment later", "behind", "ahead"],
)
def test_the_lead_is_in_whole_milliseconds_towards_zero(now: int, wall: int, told: int):
    assert ClockLead(lambda: Instant(now), lambda: wall).ms() == told
