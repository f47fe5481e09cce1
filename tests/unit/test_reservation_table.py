"""The table of reservations: found by id, by order and by end; forgotten when they ended long enough ago."""

from given import START, item

from inventory.domain.reservation import HeldLine, Reservation
from inventory.domain.reservation_table import ReservationTable
from inventory.domain.values import Instant

MINUTE = 60_000_000
SECOND = 1_000_000
ZERO = START - START % MINUTE


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


def test_an_ended_one_is_kept_for_its_time_and_forgotten_a_minute_later_at_most():
    table = table_of(ended(held(1), ZERO + 1))
    table.forget_ended(Instant(ZERO + 1))
    assert table.get("r-1") is not None
    table.forget_ended(Instant(ZERO + MINUTE))
    assert (table.get("r-1"), len(table), table.after(0, 9), table.all()) == (None, 0, [], [])


def test_an_open_one_is_never_forgotten():
    table = table_of(held(1, ZERO), ended(held(2), ZERO))
    table.forget_ended(Instant(ZERO + 10**15))
    assert [reservation.reservation_id for reservation in table.all()] == ["r-1"]


def test_a_table_made_of_what_another_holds_is_the_same():
    table = table_of(held(1, ZERO), held(2), ended(held(3), ZERO))
    again = table_of(*table.all())
    assert (again.all(), due(again, ZERO)) == (table.all(), ["r-1"])
    again.forget_ended(Instant(ZERO + MINUTE))
    assert again.after(0, 9) == ["r-1", "r-2"]
