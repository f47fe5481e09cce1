"""RetryPolicy: how often, with which pauses, and for which errors."""

import pytest

from inventory.resilience.retry import RetryPolicy


class Failing:
    """Raises ``error`` the first ``times`` times, then returns how often it was called."""

    def __init__(self, times: int, error: Exception) -> None:
        self.times = times
        self.error = error
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return self.calls


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def policy(pauses: list[float]) -> RetryPolicy:
    return RetryPolicy(sleep=pauses.append)


def test_what_works_is_done_once(policy: RetryPolicy, pauses: list[float]):
    assert (policy.call(Failing(0, OSError()), on=OSError), pauses) == (1, [])


def test_the_third_try_is_the_last_one(policy: RetryPolicy):
    assert policy.call(Failing(2, OSError()), on=OSError) == 3


def test_what_fails_three_times_raises_what_the_last_try_raised(policy: RetryPolicy):
    action = Failing(99, OSError("full"))
    with pytest.raises(OSError, match="full"):
        policy.call(action, on=OSError)
    assert action.calls == 3


def test_only_what_is_named_is_tried_again(policy: RetryPolicy):
    action = Failing(1, ValueError())
    with pytest.raises(ValueError):  # noqa: PT011 - it is the one raised above
        policy.call(action, on=OSError)
    assert action.calls == 1


def test_several_kinds_can_be_named(policy: RetryPolicy):
    assert policy.call(Failing(1, ValueError()), on=(OSError, ValueError)) == 2


def test_pauses_double_and_jitter_stays_below_the_base(pauses: list[float]):
    RetryPolicy(times=6, base_ms=50, sleep=pauses.append).call(Failing(5, OSError()), on=OSError)
    for pause, least in zip(pauses, [0.05, 0.1, 0.2, 0.4, 0.8], strict=True):
        assert least <= pause <= least + 0.05


def test_pauses_differ(pauses: list[float]):
    policy = RetryPolicy(times=2, sleep=pauses.append)
    for _ in range(50):
        policy.call(Failing(1, OSError()), on=OSError)
    assert len(set(pauses)) > 1


def test_each_try_after_the_first_is_told():
    told = []
    RetryPolicy(sleep=lambda _: None, on_retry=lambda: told.append(1)).call(Failing(2, OSError()), on=OSError)
    assert len(told) == 2


def test_one_policy_serves_many_calls(policy: RetryPolicy):
    assert [policy.call(Failing(2, OSError()), on=OSError) for _ in range(3)] == [3, 3, 3]
