"""The table of reservations: found by id, by order and by end; forgotten when they ended long enough ago."""

import tracemalloc

import pytest
from support.given import START, item
from support.steps import steps

from inventory.domain.reservation import EndedHold, HeldLine, Reservation
from inventory.domain.reservation_table import FORGOTTEN_AT_ONCE, ReservationTable
from inventory.domain.values import Instant

MINUTE = 60_000_000
SECOND = 1_000_000
ZERO = START - START % MINUTE
MOST_STEPS = 1500


def held(number: int, ends: int | None = None) -> Reservation:
    """Made by event ``number``."""
    expires = None if ends is None else Instant(ends)
    return Reservation(f"r-{number}", (HeldLine(item(), 1),), expires, None, Instant(ZERO), 1, number, number)


def ended(reservation: Reservation, at: int) -> Reservation:
    return reservation._replace(ended_at=Instant(at), ended_by="released")


def table_of(*reservations: Reservation) -> ReservationTable:
    table = ReservationTable()
    for reservation in reservations:
        table.put(reservation)
    return table


def due(table: ReservationTable, now: int, limit: int = 10) -> list[str]:
    return sorted(reservation.reservation_id for reservation in table.due(Instant(now), limit))


def test_the_latest_of_a_reservation_is_found():
    table = table_of(held(1), held(1)._replace(version=2))
    assert (table.get("r-1").version, len(table), table.get("r-2")) == (2, 1, None)


def test_it_is_due_from_the_microsecond_of_its_end_on():
    table = table_of(held(1, ZERO + 500))
    assert (due(table, ZERO + 499), due(table, ZERO + 500), due(table, ZERO + MINUTE)) == ([], ["r-1"], ["r-1"])


def test_what_does_not_end_by_itself_is_never_due():
    assert due(table_of(held(1)), ZERO + 10**15) == []


def test_what_has_ended_otherwise_is_not_due():
    assert due(table_of(held(1, ZERO), ended(held(1, ZERO), ZERO)), ZERO + MINUTE) == []


def test_an_extended_one_is_due_at_its_new_end_only():
    table = table_of(held(1, ZERO), held(1, ZERO + 5 * SECOND))
    assert (due(table, ZERO + 5 * SECOND - 1), due(table, ZERO + 5 * SECOND)) == ([], ["r-1"])


def test_of_the_due_ones_at_most_so_many_are_given_the_earliest_seconds_first():
    table = table_of(held(1, ZERO + 2 * SECOND), held(2, ZERO), held(3, ZERO + SECOND))
    assert due(table, ZERO + MINUTE, limit=2) == ["r-2", "r-3"]


def test_they_are_listed_in_the_order_they_were_made():
    table = table_of(held(1), held(4), held(9))
    assert (table.after(0, 2), table.after(4, 9), table.after(9, 9)) == (["r-1", "r-4"], ["r-9"], [])


def test_an_ended_one_is_kept_up_to_the_last_microsecond_of_its_time():
    table = table_of(ended(held(1), ZERO + 1))
    table.forget_ended(Instant(ZERO + 1))
    assert table.get("r-1") is not None
    table.forget_ended(Instant(ZERO + 2))
    assert (table.get("r-1"), len(table), table.after(0, 9), [*table.copy()]) == (None, 0, [], [])


def test_an_open_one_is_never_forgotten():
    table = table_of(held(1, ZERO), ended(held(2), ZERO))
    table.forget_ended(Instant(ZERO + 10**15))
    assert [reservation.reservation_id for reservation in table.copy()] == ["r-1"]


def test_a_table_made_of_what_another_holds_is_the_same():
    table = table_of(held(1, ZERO), held(2), ended(held(4), ZERO), ended(held(3), ZERO - 1))
    again = table_of(*table.copy())
    assert ([*again.copy()], due(again, ZERO)) == ([*table.copy()], ["r-1"])
    for one in (table, again):
        one.forget_ended(Instant(ZERO))
        assert one.after(0, 9) == ["r-1", "r-2", "r-4"]


def test_what_was_copied_stays_as_it_was():
    table = table_of(held(1), ended(held(2), ZERO))
    copy = table.copy()
    table.put(ended(held(1), ZERO))
    table.forget_ended(Instant(ZERO + 1))
    assert [(one.reservation_id, one.state) for one in copy] == [("r-1", "held"), ("r-2", "released")]


def test_an_ended_one_is_known_with_all_but_its_lines():
    line = HeldLine(item(), 3, committed=1, released=2)
    reservation = Reservation("r", (line, line), Instant(ZERO + 7), "order ö", Instant(ZERO), 4, 9, 5)
    over = reservation._replace(ended_at=Instant(ZERO + 8), ended_by="expired")
    known = table_of(over).get("r")
    assert known == EndedHold("r", 9, 5, ZERO, ZERO + 8, "expired", "committed", 4, ZERO + 7, "order ö", 2)


@pytest.mark.parametrize("reference", [None, "", "x" * 200])
@pytest.mark.parametrize("ends", [None, 0, ZERO])
def test_what_an_ended_one_lacks_is_told_from_what_is_empty(reference: str | None, ends: int | None):
    known = table_of(ended(held(1, ends)._replace(reference=reference), ZERO)).get("r-1")
    assert (known.reference, known.expires_at) == (reference, ends)


def test_an_ended_one_of_500_lines_costs_at_most_400_bytes_and_its_reference():
    many, lines = 5000, tuple(HeldLine(item(f"sku-{number}"), 1) for number in range(500))
    reference = "order-0123456789"

    def end(number: int) -> None:
        name = f"01a2317b-4686-7642-893b-{number:012}"
        at = Instant(ZERO + number)
        table.put(Reservation(name, lines, at, reference, at, 1, 2 * number, 2 * number))
        table.put(Reservation(name, lines, at, reference, at, 2, 2 * number + 1, 2 * number, at, "committed"))

    table = ReservationTable()
    end(1)
    tracemalloc.start()
    try:
        for number in range(2, many + 2):
            end(number)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used / many <= 400 + len(reference)


def test_those_of_a_broken_record_wait_until_it_is_settled_and_delay_no_other():
    table = table_of(*[held(number, ZERO + number) for number in range(1, 5)])
    table.put(held(5, ZERO + 5)._replace(lines=(HeldLine(item("other"), 1),)))
    broken = {item()}
    for _ in range(2):
        assert [one.reservation_id for one in table.due(Instant(ZERO + 9), 2, broken)] == ["r-5"]
    table.put(ended(held(2, ZERO + 2), ZERO))
    assert due(table, ZERO + 9) == ["r-1", "r-3", "r-4", "r-5"]


def test_one_that_is_extended_to_and_fro_is_due_once():
    table = table_of(*[held(1, ZERO + number % 3) for number in range(1000)])
    assert due(table, ZERO + 9) == ["r-1"]


@pytest.mark.parametrize("many", [1, 700, 3000])
def test_a_call_takes_no_more_steps_where_more_is_remembered(many: int):
    """As many open ones as have ended, with ends all over a year."""
    table = ReservationTable()
    for number in range(2 * many):
        one = held(number + 1, ZERO + number * 10**10)
        table.put(ended(one, ZERO + number) if number % 2 else one)
    calls = {
        "put": lambda: table.put(held(10**6, ZERO + 5)),
        "extend": lambda: table.put(held(10**6, ZERO + 6)),
        "due": lambda: table.due(Instant(ZERO + 6), 10),
        "end": lambda: table.put(ended(held(10**6), ZERO + 10**9)),
        "forget": lambda: table.forget_ended(Instant(ZERO + 2)),
        "after": lambda: table.after(many, 10),
    }
    taken = {name: steps(call) for name, call in calls.items()}
    assert max(taken.values()) <= MOST_STEPS, taken
    assert steps(lambda: table.forget_ended(Instant(ZERO + 10**15))) <= MOST_STEPS * FORGOTTEN_AT_ONCE / 20


def test_whatever_was_forgotten_the_rest_is_found_in_its_order():
    table, many = ReservationTable(), 4000
    for number in range(1, many + 1):
        table.put(held(number) if number % 97 == 0 else ended(held(number), ZERO + number % 5))
    for at in range(1, 6):
        table.forget_ended(Instant(ZERO + at))
    left = [f"r-{number}" for number in range(97, many + 1, 97)]
    assert table.after(0, many) == [one.reservation_id for one in table.copy()] == left
    assert table.after(97 * 5, 3) == [f"r-{97 * number}" for number in (6, 7, 8)]
    assert (len(table), table.open_count, table.ended_count) == (len(left), len(left), 0)


def test_more_have_ended_than_are_forgotten_at_once():
    table = table_of(*[ended(held(number), ZERO) for number in range(1, FORGOTTEN_AT_ONCE + 3)])
    table.forget_ended(Instant(ZERO + 1))
    assert table.ended_count == 2
    table.forget_ended(Instant(ZERO + 1))
    assert table.ended_count == 0
