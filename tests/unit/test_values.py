"""Identifiers, quantities and instants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.domain.errors import ValidationFailed
from inventory.domain.values import (
    MAX_QUANTITY,
    Instant,
    format_instant,
    is_identifier,
    item_id,
    parse_instant,
    quantity,
)


@pytest.mark.parametrize("text", ["a", "9", "A.b_c:d-e", "x" * 64])
def test_an_identifier_is_taken(text: str):
    assert is_identifier(text)


@pytest.mark.parametrize("text", ["", "x" * 65, ".a", "-a", "_a", ":a", "a b", "a/b", "ä", "a\n", "a\0", "١", "../a"])
def test_what_is_no_identifier_is_refused(text: str):
    assert not is_identifier(text)


def test_both_wrong_identifiers_are_named_at_once():
    with pytest.raises(ValidationFailed) as refusal:
        item_id("", "a b")
    assert [problem.field for problem in refusal.value.problems] == ["storeId", "sku"]


@pytest.mark.parametrize("number", [0, 1, MAX_QUANTITY])
def test_a_quantity_in_range_is_taken(number: int):
    assert quantity(number, "onHand") == number


@pytest.mark.parametrize("number", [-1, MAX_QUANTITY + 1])
def test_a_quantity_out_of_range_names_its_field(number: int):
    with pytest.raises(ValidationFailed) as refusal:
        quantity(number, "onHand")
    assert [problem.field for problem in refusal.value.problems] == ["onHand"]


INSTANTS = st.integers(0, 4_000_000_000_000_000).map(Instant)


@given(INSTANTS)
def test_an_instant_survives_being_written(at: Instant):
    assert parse_instant(format_instant(at)) == at


@given(INSTANTS, INSTANTS)
def test_the_text_of_instants_sorts_as_they_do(one: Instant, other: Instant):
    assert (format_instant(one) < format_instant(other)) == (one < other)


def test_an_instant_is_written_in_utc_with_microseconds():
    assert format_instant(Instant(1_000_001)) == "1970-01-01T00:00:01.000001Z"


def test_any_offset_can_be_read():
    assert parse_instant("1970-01-01T01:00:01+01:00") == 1_000_000
