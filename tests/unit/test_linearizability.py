"""The checker of histories against a perfect service, and against a search through every order."""

from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.history import Operation, State, Told
from support.linearizability import violations
from support.made_histories import has_an_order, perfect, told_of


@pytest.mark.parametrize("seed", range(20))
def test_a_perfect_history_has_no_violation(seed: int):
    assert violations(perfect(seed, 2000, [f"sku-{number}" for number in range(4)])) == []


def one_broken(history: list[Operation], wanted: Callable[[Operation], bool], **changed: object) -> list[Operation]:
    """The history with a change to the operation in the middle of those that are wanted."""
    places = [number for number, one in enumerate(history) if wanted(one)]
    place = places[len(places) // 2]
    return [*history[:place], history[place]._replace(**changed), *history[place + 1 :]]  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(5))
def test_one_wrong_answer_among_thousands_is_found(seed: int):
    history = perfect(seed, 3000, ["sku-1", "sku-2"])

    def is_read(one: Operation) -> bool:
        return one.kind == "read" and (one.told.version or 0) > 50

    (middle,) = [one for one, other in zip(history, one_broken(history, is_read, lag=1), strict=True) if one != other]
    stale = next(one.told for one in history if one.item == middle.item and one.told.version == 40 and one.is_change)
    assert {found.rule for found in violations(one_broken(history, is_read, told=stale))} == {"stale"}


VERSIONS = st.builds(State, st.integers(0, 3), st.sampled_from([0, 1, 2]), st.sampled_from([0, 1]))
TIMES = st.tuples(st.integers(0, 12), st.integers(0, 6))


@st.composite
def small_histories(draw: st.DrawFn) -> list[Operation]:
    """Up to six operations of a perfect service, of which some answers and times are then changed."""
    history = perfect(draw(st.integers(0, 10_000)), draw(st.integers(1, 6)), at_once=draw(st.integers(1, 4)))
    for place in draw(st.lists(st.integers(0, len(history) - 1), max_size=2)):
        one = history[place]
        if draw(st.booleans()):
            began, took = draw(TIMES)
            history[place] = one._replace(began=began * 20, ended=min(one.ended, began * 20 + took * 20))
        elif one.outcome == "done":
            history[place] = one._replace(told=told_of(draw(VERSIONS)))
        else:
            history[place] = one._replace(outcome="refused", told=Told(qty=draw(st.integers(0, 5))))
    return [one._replace(key=None) for one in history if one.began <= one.ended]


@settings(max_examples=max(400, settings().max_examples))
@given(small_histories())
def test_it_says_of_small_histories_what_trying_every_order_says(history: list[Operation]):
    history = [one._replace(told=one.told._replace(sequence=None)) for one in history]
    # A change without a version is no answer of this service; the search would take it.
    assume(all(one.told.version for one in history if one.is_change))
    assert (violations(history) == []) == has_an_order(history)
