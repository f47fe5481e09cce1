"""uuid7: the layout of RFC 9562 section 5.7."""

import re
import uuid

from support.given import START

from inventory.domain.values import Instant
from inventory.service.event_ids import uuid7


def test_an_id_has_the_form_version_and_variant_of_the_rfc():
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", uuid7(START))


def test_the_first_48_bits_are_the_millisecond():
    assert uuid.UUID(uuid7(START)).int >> 80 == START // 1000


def test_ids_sort_by_the_millisecond_they_were_made_in():
    ids = [uuid7(Instant(START + tick * 1000)) for tick in range(500)]
    assert ids == sorted(ids)


def test_ids_of_one_instant_differ():
    assert len({uuid7(START) for _ in range(10_000)}) == 10_000


def test_the_74_other_bits_are_random_and_none_follows_from_another():
    numbers = [uuid.UUID(uuid7(START)).int for _ in range(300)]
    # One column of 300 bits for each place; a place that is fixed, or that copies another, gives no new one.
    columns = {tuple(number >> place & 1 for number in numbers) for place in range(80)}
    assert len(columns - {(0,) * 300, (1,) * 300}) == 74
