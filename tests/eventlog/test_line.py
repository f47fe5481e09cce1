"""One line of the log: a written line can be read, and a changed one is detected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.logs import encoded, gaining, history

from inventory.domain.commands import Note
from inventory.domain.events import Delivery, Event, HoldStep, KeyUse, Line
from inventory.domain.record import Policy
from inventory.domain.reservation import HeldLine, Reservation
from inventory.domain.values import Instant, ItemId, Sku, StoreId, parse_instant
from inventory.eventlog.line import GENESIS, NotALine, decode, encode, next_chain

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
MAYBE = st.none() | TEXT
WHOLE = st.integers(-(2**63), 2**63 - 1)
INSTANTS = st.integers(0, parse_instant("9999-12-31T23:59:59.999999Z")).map(Instant)
ITEM_IDS = st.builds(ItemId, TEXT.map(StoreId), TEXT.map(Sku))
POLICIES = st.builds(Policy, WHOLE, st.none() | WHOLE)
RESERVATIONS = st.builds(
    Reservation,
    TEXT.filter(bool),
    st.lists(st.builds(HeldLine, ITEM_IDS, WHOLE, WHOLE, WHOLE), max_size=3).map(tuple),
    st.none() | INSTANTS,
    MAYBE,
    INSTANTS,
    WHOLE,
    WHOLE,
    WHOLE,
    st.none() | INSTANTS,
    st.none() | st.sampled_from(["committed", "released", "expired"]),
)
EVENTS = st.builds(
    Event,
    sequence=WHOLE,
    event_id=TEXT,
    type=TEXT,
    at=INSTANTS,
    node=TEXT,
    note=st.builds(Note, TEXT, MAYBE, MAYBE, MAYBE),
    lines=st.lists(st.builds(Line, ITEM_IDS, *[WHOLE] * 6, st.none() | POLICIES, st.none() | POLICIES), max_size=3).map(
        tuple
    ),
    reservation=st.none(),
    key_use=st.none() | st.builds(KeyUse, TEXT, TEXT, INSTANTS, st.none() | TEXT),
    delivery=st.none() | st.builds(Delivery, TEXT, TEXT),
    synced=WHOLE,
    step=st.none(),
)
HOLDS = st.builds(
    lambda event, held: event._replace(
        reservation=held._replace(sequence=event.sequence, lines_at=event.sequence, steps=0)
    ),
    EVENTS,
    RESERVATIONS,
)
STEPS = st.builds(
    lambda event, step: event._replace(step=step),
    EVENTS,
    st.builds(HoldStep, TEXT.filter(bool), WHOLE, st.none() | INSTANTS, WHOLE),
)
CHAINS = st.binary(min_size=16, max_size=16)


@given(EVENTS | HOLDS, CHAINS)
def test_an_event_comes_back_from_its_line_as_it_was(event: Event, chain: bytes):
    line, _ = encode(event, chain)
    assert decode(line.removesuffix(b"\n")) == (event, 2)


@given(STEPS, CHAINS)
def test_only_the_line_of_a_step_is_of_format_3(event: Event, chain: bytes):
    line, _ = encode(event, chain)
    assert decode(line.removesuffix(b"\n")) == (event, 3)


@given(STEPS, RESERVATIONS, CHAINS)
def test_the_line_of_a_step_has_nothing_of_the_reservation_that_is_known_when_it_is_written(
    event: Event, held: Reservation, chain: bytes
):
    assert encode(event._replace(reservation=held), chain) == encode(event, chain)


@given(EVENTS | HOLDS | STEPS, CHAINS)
def test_a_line_is_one_line_and_continues_the_chain_it_was_written_on(event: Event, chain: bytes):
    line, after = encode(event, chain)
    assert (line.count(b"\n"), line[-1:], next_chain(line[:-1], chain)) == (1, b"\n", after)


def test_every_flipped_bit_of_a_line_is_noticed():
    line = encoded([gaining(1)])[0].removesuffix(b"\n")
    for bit in range(len(line) * 8):
        flipped = bytearray(line)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NotALine):
            next_chain(bytes(flipped), GENESIS)


@pytest.mark.parametrize("size", range(0, 60))
def test_a_line_that_is_too_short_is_noticed(size: int):
    line = encoded([gaining(1)])[0].removesuffix(b"\n")
    with pytest.raises(NotALine):
        next_chain(line[:size], GENESIS)


def test_a_chain_in_capitals_is_another_chain():
    line = encoded([gaining(1)])[0].removesuffix(b"\n")
    shouted = line[:-34] + line[-34:-2].upper() + line[-2:]
    assert shouted != line
    with pytest.raises(NotALine):
        next_chain(shouted, GENESIS)


@pytest.mark.parametrize("order", ["11", "1233", "13", "124", "2", "123452"])
def test_a_doubled_removed_or_moved_line_does_not_continue_the_chain(order: str):
    lines, chain = history(5), GENESIS
    *before, wrong = [lines[int(number) - 1][:-1] for number in order]
    for line in before:
        chain = next_chain(line, chain)
    with pytest.raises(NotALine):
        next_chain(wrong, chain)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"7",
        b'{"format":1}',
        encoded([gaining(1)])[0][:-2],
        encoded([gaining(1)])[0].replace(b'"ts":"2', b'"ts":"x'),
        encoded([gaining(1)])[0].replace(b'"lines":[', b'"lines":[7,'),
        encoded([gaining(1)])[0].replace(b'"lines":', b'"rows":'),
        encoded([gaining(1)])[0].replace(b'+00:00"', b'"').replace(b"Z", b""),
    ],
)
def test_what_holds_no_event_is_not_a_line(line: bytes):
    with pytest.raises(NotALine):
        decode(line)
