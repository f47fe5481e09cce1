"""KeyTable: which keys are remembered, for how long, at what price."""

import tracemalloc

from given import START

from inventory.domain.events import Delivery
from inventory.domain.idempotency import KeyTable
from inventory.domain.values import Instant

MINUTE = 60_000_000
HOUR = 60 * MINUTE
NOW = START - START % MINUTE


def at(offset: int) -> Instant:
    return Instant(NOW + offset)


def table(**ends: int) -> KeyTable:
    """Keys in the order in which they were used, each with its end."""
    keys = KeyTable()
    for position, (key, end) in enumerate(ends.items()):
        keys.remember(key, at(end), position)
    return keys


def test_a_key_that_was_not_used_is_not_found():
    assert table(a=HOUR).find("b") is None


def test_a_used_key_gives_the_position_of_its_event():
    assert table(a=HOUR, b=HOUR).find("b") == 1


def test_the_later_use_of_a_key_counts():
    keys = table(a=HOUR)
    keys.remember("a", at(2 * HOUR), 7)
    assert keys.find("a") == 7


def test_a_later_use_with_an_earlier_end_counts_too():
    keys = table(a=2 * HOUR)
    keys.remember("a", at(HOUR), 7)
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


def test_after_the_ttl_was_shortened_a_key_is_kept_longer_and_never_shorter():
    keys = table(long=2 * HOUR, short=HOUR)
    keys.forget_expired(at(HOUR + MINUTE))
    assert keys.find("short") == 1


def test_after_the_ttl_was_shortened_keys_still_end():
    keys = table(long=2 * HOUR, short=HOUR)
    keys.forget_expired(at(2 * HOUR + MINUTE))
    assert len(keys) == 0


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


def test_a_key_costs_at_most_150_bytes():
    keys = KeyTable()
    number = 100_000
    tracemalloc.start()
    try:
        # 800 keys a minute for two hours, at the far end of a long log.
        for index in range(number):
            keys.remember(f"{index:036d}", at(index * 75_000), 10_000_000_000 + index * 300)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size / number <= 150
