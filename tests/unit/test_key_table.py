"""KeyTable: which keys are remembered, for how long, and at what cost."""

import tracemalloc

import pytest
from support.given import START
from support.steps import steps

from inventory.domain.events import Delivery
from inventory.domain.key_table import KeyTable
from inventory.domain.values import Instant

MINUTE = 60_000_000
HOUR = 60 * MINUTE
YEAR = 365 * 24 * HOUR
NOW = Instant(START - START % MINUTE)


def at(offset: int) -> Instant:
    return Instant(NOW + offset)


def table(**ends: int) -> KeyTable:
    """Keys in the order in which they were used, each with its end."""
    keys = KeyTable()
    for position, (key, end) in enumerate(ends.items()):
        keys.remember(key, NOW, at(end), position)
    return keys


def test_a_key_that_was_not_used_is_not_found():
    assert table(a=HOUR).find("b") is None


def test_a_used_key_gives_the_position_of_its_event():
    assert table(a=HOUR, b=HOUR).find("b") == 1


def test_the_later_use_of_a_key_counts():
    keys = table(a=HOUR)
    keys.remember("a", NOW, at(2 * HOUR), 7)
    assert keys.find("a") == 7


def test_a_later_use_with_an_earlier_end_counts_too():
    keys = table(a=2 * HOUR)
    keys.remember("a", NOW, at(HOUR), 7)
    assert keys.find("a") == 7


def test_a_key_is_kept_until_it_ends():
    keys = table(a=HOUR)
    keys.forget_expired(at(HOUR))
    assert keys.find("a") == 0


def test_a_key_is_forgotten_a_minute_after_its_end_at_the_latest():
    keys = table(a=HOUR)
    keys.forget_expired(at(HOUR + MINUTE))
    assert (keys.find("a"), len(keys)) == (None, 0)


def test_forgetting_drops_what_has_ended_and_keeps_the_rest():
    keys = table(a=HOUR, b=2 * HOUR, c=3 * HOUR)
    keys.forget_expired(at(HOUR + MINUTE))
    assert [keys.find(key) for key in "abc"] == [None, 1, 2]


def test_after_the_ttl_was_shortened_a_key_is_forgotten_as_soon_as_if_it_never_was_longer():
    keys = table(long=2 * HOUR, short=HOUR)
    keys.forget_expired(at(HOUR + MINUTE))
    assert [keys.find(key) for key in ("long", "short")] == [0, None]


def test_a_bucket_that_ends_does_not_forget_a_key_that_was_used_again_since():
    keys = table(a=HOUR)
    keys.remember("a", at(HOUR), at(2 * HOUR), 7)
    keys.forget_expired(at(HOUR + MINUTE))
    assert keys.find("a") == 7


def test_a_key_that_is_used_twice_in_a_minute_is_forgotten_once():
    keys = table(a=HOUR)
    keys.remember("a", NOW, at(HOUR + 1), 7)
    keys.forget_expired(at(HOUR + MINUTE))
    assert (keys.find("a"), len(keys)) == (None, 0)


@pytest.mark.parametrize("life", [1, MINUTE, HOUR, 127 * MINUTE, 128 * MINUTE, 1000 * HOUR, YEAR])
def test_a_key_is_kept_for_its_life_and_a_minute_or_a_64th_more_at_most(life: int):
    for used in (0, 1, MINUTE - 1, 12_345_678_901):
        keys = KeyTable()
        keys.remember("a", at(used), at(used + life), 0)
        keys.forget_expired(at(used + life))
        assert keys.find("a") == 0
        keys.forget_expired(at(used + life + max(MINUTE, life // 64)))
        assert keys.find("a") is None


def filled(*lives: int, each: int = 2000) -> KeyTable:
    """Keys that were used over the whole of each life, the longest first, up to now."""
    keys = KeyTable()
    for life in sorted(lives, reverse=True):
        for number in range(each):
            used = at(-life + life * number // each)
            keys.remember(f"{life}-{number}", used, Instant(used + life), number)
    return keys


MIXES = [(1000,), (HOUR,), (30 * 24 * HOUR,), (YEAR,), (YEAR, 30 * 24 * HOUR, HOUR, 1000)]


@pytest.mark.parametrize("lives", MIXES)
def test_filing_and_finding_cost_the_same_whatever_lives_stand_in_the_table(lives: tuple[int, ...]):
    def once(keys: KeyTable) -> list[int]:
        return [
            steps(lambda: keys.remember("new", NOW, at(lives[-1]), 1)),
            steps(lambda: keys.find("new")),
            steps(lambda: keys.find("never used")),
        ]

    usual = once(filled(HOUR))
    assert all(here <= there + 2 for here, there in zip(once(filled(*lives)), usual, strict=True))


@pytest.mark.parametrize("lives", MIXES)
def test_looking_for_what_is_to_be_forgotten_costs_the_same_whatever_lives_stand_in_the_table(lives: tuple[int, ...]):
    keys, usual = filled(*lives), filled(HOUR)
    for each in (keys, usual):
        while each.forget_expired(NOW):
            pass
    assert steps(lambda: keys.forget_expired(NOW)) == steps(lambda: usual.forget_expired(NOW))


def test_one_call_forgets_a_bounded_number_and_says_that_there_are_more():
    keys = KeyTable()
    for number in range(20_000):
        keys.remember(str(number), NOW, at(HOUR), number)
    keys.forget_expired(NOW)
    later = at(HOUR + MINUTE)

    assert keys.forget_expired(later)
    assert len(keys) == 19_000
    while keys.forget_expired(later):
        pass
    assert len(keys) == 0


def test_forgetting_keeps_up_with_what_is_filed_however_much_comes_between_two_calls():
    keys, many = KeyTable(), 5000
    for minute in range(200):
        for number in range(many):
            keys.remember(f"{minute}-{number}", at(minute * MINUTE), at((minute + 1) * MINUTE), number)
        keys.forget_expired(at(minute * MINUTE))
    assert len(keys) <= 4 * many


def test_a_table_that_was_large_gives_its_memory_back():
    tracemalloc.start()
    try:
        keys = KeyTable()
        for number in range(100_000):
            keys.remember(str(number), NOW, at(HOUR), number)
        for number in range(1000):
            keys.remember(f"kept {number}", NOW, at(2 * HOUR), number)
        while keys.forget_expired(at(HOUR + MINUTE)):
            pass
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (len(keys), size < 2_000_000) == (1000, True)


def test_a_copy_gives_what_was_filed_and_nothing_that_is_filed_later():
    keys = table(a=HOUR, b=2 * HOUR)
    keys.remember_delivery(Delivery("source", "id"), 4)
    copied = keys.copy()
    keys.remember("c", NOW, at(HOUR), 9)
    keys.forget_expired(at(HOUR + MINUTE))

    again = KeyTable()
    for entry in copied.entries():
        again.restore(entry)
    assert [again.find(key) for key in "abc"] == [0, 1, None]
    assert again.find_delivery(Delivery("source", "id")) == 4
    again.forget_expired(at(HOUR + MINUTE))
    assert [again.find(key) for key in "ab"] == [None, 1]


def test_a_delivery_is_never_forgotten():
    keys = KeyTable()
    keys.remember_delivery(Delivery("source", "id"), 4)
    keys.forget_expired(at(1000 * HOUR))
    assert keys.find_delivery(Delivery("source", "id")) == 4


def test_the_first_of_two_equal_deliveries_counts():
    keys = KeyTable()
    keys.remember_delivery(Delivery("source", "id"), 4)
    keys.remember_delivery(Delivery("source", "id"), 9)
    assert keys.find_delivery(Delivery("source", "id")) == 4


def test_the_same_id_from_two_sources_is_two_deliveries():
    keys = KeyTable()
    keys.remember_delivery(Delivery("source", "id"), 4)
    assert keys.find_delivery(Delivery("other", "id")) is None


@pytest.mark.parametrize(("life", "between"), [(HOUR, 75_000), (YEAR, 5 * MINUTE), (YEAR, 75_000), (1000, 75_000)])
@pytest.mark.parametrize("number", [88_000, 100_000])
def test_a_key_costs_at_most_150_bytes(number: int, life: int, between: int):
    keys = KeyTable()
    tracemalloc.start()
    try:
        # At the far end of a long log. The dicts have just grown at 88,000.
        for index in range(number):
            used = at(index * between)
            keys.remember(f"{index:036d}", used, Instant(used + life), 100_000_000 + index << 40 | index * 300)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size / number <= 150
