"""SortedNames against a simple model: a sorted list that is filtered."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.domain import sku_stock as sorted_names
from inventory.domain.sku_stock import SortedNames

TEXT = st.text("aAbZ09._-:\uffff\U0001f600", max_size=3)
NAMES = st.lists(TEXT, unique=True, max_size=200)


@pytest.fixture(autouse=True, params=[4, 1024], ids=["small chunks", "chunks as they are"])
def _chunks(request, monkeypatch):
    monkeypatch.setattr(sorted_names, "MOST", request.param)


def filled(names: list[str]) -> SortedNames:
    found = SortedNames()
    for name in names:
        found.add(name)
    return found


def plain(names: list[str], after: str | None, limit: int, prefix: str) -> list[str]:
    return [name for name in sorted(names) if name.startswith(prefix) and (after is None or name > after)][:limit]


@given(NAMES, st.none() | TEXT, st.integers(1, 10), TEXT | st.just(""))
def test_a_part_is_that_of_a_sorted_list(names, after, limit, prefix):
    assert filled(names).after(after, limit, prefix) == plain(names, after, limit, prefix)


@given(NAMES, st.integers(1, 10), TEXT | st.just(""))
def test_walking_through_the_parts_meets_every_name_once(names, limit, prefix):
    found, met, last = filled(names), [], None
    while part := found.after(last, limit, prefix):
        met += part
        last = part[-1]
    assert met == plain(names, None, len(names) + 1, prefix)


@given(NAMES)
def test_the_length_counts_all_names(names):
    assert len(filled(names)) == len(names)


def test_a_name_that_is_added_later_takes_its_place():
    names = filled(["a", "c"])
    names.after(None, 9)
    names.add("b")
    assert names.after(None, 9) == ["a", "b", "c"]


@pytest.mark.parametrize("order", ["rising", "falling", "shuffled"])
def test_no_chunk_is_longer_than_it_may_be_whatever_the_order(order):
    names = [f"name-{number:05d}" for number in range(5000)]
    made = {"rising": names, "falling": names[::-1], "shuffled": random.Random(1).sample(names, len(names))}[order]
    found = filled(made)
    assert max(map(len, found._chunks)) <= sorted_names.MOST
    assert found.after(None, 9999) == names
