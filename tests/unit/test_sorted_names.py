"""SortedNames against the plain thing: a sorted list, filtered."""

from hypothesis import given
from hypothesis import strategies as st

from inventory.domain.sorted_names import SortedNames

TEXT = st.text("aAbZ09._-:\uffff\U0001f600", max_size=3)
NAMES = st.lists(TEXT, unique=True, max_size=200)


def filled(names: list[str], *, sort_after: int = 0) -> SortedNames:
    found = SortedNames()
    for index, name in enumerate(names):
        found.add(name)
        if sort_after and index % sort_after == 0:
            found.sort()
    return found


def plain(names: list[str], after: str | None, limit: int, prefix: str) -> list[str]:
    return [name for name in sorted(names) if name.startswith(prefix) and (after is None or name > after)][:limit]


@given(NAMES, st.none() | TEXT, st.integers(1, 10), TEXT | st.just(""), st.integers(0, 70))
def test_a_part_is_that_of_a_sorted_list(names, after, limit, prefix, sort_after):
    assert filled(names, sort_after=sort_after).after(after, limit, prefix) == plain(names, after, limit, prefix)


@given(NAMES, st.integers(1, 10), TEXT | st.just(""))
def test_walking_through_the_parts_meets_every_name_once(names, limit, prefix):
    found, met, last = filled(names), [], None
    while part := found.after(last, limit, prefix):
        met += part
        last = part[-1]
    assert met == plain(names, None, len(names) + 1, prefix)


@given(NAMES, st.integers(0, 70))
def test_the_length_counts_sorted_and_unsorted_names(names, sort_after):
    assert len(filled(names, sort_after=sort_after)) == len(names)


def test_a_name_that_is_added_later_takes_its_place():
    names = filled(["a", "c"])
    names.after(None, 9)
    names.add("b")
    assert names.after(None, 9) == ["a", "b", "c"]


def test_many_names_at_once_are_sorted_too():
    names = [f"name-{number * 7919 % 1000:03d}" for number in range(1000)]
    assert filled(names).after(None, 2000) == sorted(names)
