"""Lists of reservations that are longer than one page examines."""

from contextlib import nullcontext
from functools import partial

import pytest
from support.given import START, item

from inventory.domain.reservation import HeldLine, Reservation
from inventory.domain.state import State
from inventory.domain.values import Instant
from inventory.service import state_pages as listing
from inventory.service.ports.stock_reads import ReservationRequest
from inventory.service.state_pages import page_of_reservations


def state_of(many: int) -> State:
    """Reservations made by the events 1, 2, 3 …; every seventh has the reference ``rare``."""
    state = State()
    for number in range(1, many + 1):
        reference = "rare" if number % 7 == 0 else None
        line = HeldLine(item(), 1)
        state.reservations.put(Reservation(f"r-{number}", (line,), None, reference, Instant(START), 1, number, number))
    return state


def pages(state: State, limit: int, reference: str | None = None) -> list[list[int]]:
    """The events that made what is on each page, from page to page."""
    found, after = [], 0
    while True:
        page = page_of_reservations(partial(nullcontext, state), ReservationRequest(limit, after, reference=reference))
        found.append([reservation.created for reservation in page.items])
        if page.next_after is None:
            return found
        assert int(page.next_after) > after
        after = int(page.next_after)


@pytest.mark.parametrize("many", [0, 9, 10, 11, 20, 21, 35])
@pytest.mark.parametrize("limit", [1, 3, 10, 100])
def test_following_the_cursor_meets_every_one_once_however_many_are_looked_at_for_a_page(
    many: int, limit: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(listing, "_LOOKED_AT", 10)
    state = state_of(many)
    assert [created for page in pages(state, limit) for created in page] == list(range(1, many + 1))
    assert [created for page in pages(state, limit, "rare") for created in page] == list(range(7, many + 1, 7))


def test_a_page_is_short_where_few_of_those_looked_at_are_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listing, "_LOOKED_AT", 10)
    assert pages(state_of(25), 100, "rare") == [[7], [14], [21]]


def test_a_page_ends_where_those_looked_at_have_very_many_lines(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listing, "_LINES_LOOKED_AT", 3)
    assert pages(state_of(7), 100, "none") == [[], [], []]
    assert pages(state_of(7), 100) == [[1, 2, 3], [4, 5, 6], [7]]


def test_more_are_listed_than_are_looked_at_at_once():
    many = listing._LOOKED_AT + 1
    assert [len(page) for page in pages(state_of(many), many)] == [listing._LOOKED_AT, 1]
