"""Decisions on reservations: all lines or none; whether one has expired is decided inside the commit."""

from collections.abc import Mapping
from typing import assert_never

from inventory.domain.commands import Precondition, WantedLine
from inventory.domain.errors import InsufficientStock, Shortage
from inventory.domain.events import Change, Draft
from inventory.domain.hold_commands import CommitHold, ExpireHold, ExtendHold, HoldStock, ReleaseHold
from inventory.domain.hold_errors import (
    AlreadySo,
    ExceedsHold,
    PromisedStockMissing,
    ReservationExpired,
    ReservationMoved,
    ReservationNotFound,
    WrongState,
)
from inventory.domain.preconditions import StateView, records_of, summed
from inventory.domain.reservation import Ending, HeldLine, Hold, Reservation
from inventory.domain.values import Instant, ItemId


def decide_to_hold(command: HoldStock, state: StateView, now: Instant) -> Draft:
    """Hold all lines, or none.

    :raises InsufficientStock: names every line that is short, after adding up the lines of each item.
    """
    wanted = summed(command.lines)
    records = records_of(command.lines, state)
    short = [
        Shortage(item, qty, records[item].available) for item, qty in wanted.items() if qty > records[item].available
    ]
    if short:
        raise InsufficientStock(*short[0], more=short[1:])
    existing = state.reservation(command.reservation_id)
    if existing is not None:
        raise WrongState(command.reservation_id, existing.state)
    reservation = Reservation(
        command.reservation_id,
        tuple(HeldLine(item, qty) for item, qty in wanted.items()),
        None if command.ttl_ms is None else _end(now, command.ttl_ms),
        command.note.reference,
        now,
    )
    changes = tuple(Change(item, 0, qty) for item, qty in wanted.items())
    return Draft("reservation.created", changes, command.note, reservation)


def decide_on_hold(
    command: CommitHold | ReleaseHold | ExtendHold | ExpireHold, state: StateView, now: Instant
) -> Draft:
    """Decide on a change of a reservation.

    :raises AlreadySo: all of it was committed, or released, before, and the command asks for all of it again.
    """
    reservation = state.reservation(command.reservation_id)
    if reservation is None:
        raise ReservationNotFound(command.reservation_id)
    match command:
        case CommitHold():
            return _commit(command, _usable(reservation, command, "committed", now), state, now)
        case ReleaseHold():
            held = _usable(reservation, command, "released", now)
            return _give_back("released", command, _named(held, command.lines), held, now)
        case ExtendHold():
            held = _usable(reservation, command, None, now)
            after = held._replace(expires_at=_end(now, command.ttl_ms), version=held.version + 1)
            return Draft("reservation.extended", (), command.note, after)
        case ExpireHold():
            return _expire(command, reservation, now)
        case _:
            assert_never(command)


def _usable(
    reservation: Hold, command: CommitHold | ReleaseHold | ExtendHold, wanted: Ending | None, now: Instant
) -> Reservation:
    if not isinstance(reservation, Reservation) or not reservation.is_open:
        if reservation.ended_by == "expired":
            raise ReservationExpired(reservation.reservation_id)
        # Its state is not enough: a hold that was committed in part and then released counts as committed.
        if reservation.ended_by == wanted and isinstance(command, CommitHold | ReleaseHold) and command.lines is None:
            # A repeated request expects the version from before the end, or the current one.
            _check_version(reservation, command.precondition, reservation.version - 1, reservation.version)
            raise AlreadySo(reservation)
        raise WrongState(reservation.reservation_id, reservation.state)
    if reservation.is_over(now):
        raise ReservationExpired(reservation.reservation_id)
    _check_version(reservation, command.precondition, reservation.version)
    return reservation


def _check_version(reservation: Hold, precondition: Precondition, *any_of: int) -> None:
    versions = precondition.versions
    if versions is not None and versions.isdisjoint(any_of):
        raise ReservationMoved(reservation.reservation_id, reservation.version, sorted(versions))


def _commit(command: CommitHold, reservation: Reservation, state: StateView, now: Instant) -> Draft:
    named = _named(reservation, command.lines)
    on_hand = {item: record.on_hand if (record := state.record(item)) else 0 for item in named}
    # A count may be below what is promised: units that are not on hand cannot leave.
    short = [Shortage(item, qty, on_hand[item]) for item, qty in named.items() if qty > on_hand[item]]
    if short:
        raise PromisedStockMissing(reservation.reservation_id, short)
    lines = tuple(line._replace(committed=line.committed + named.get(line.item, 0)) for line in reservation.lines)
    changes = tuple(Change(item, -qty, -qty) for item, qty in named.items())
    return Draft("reservation.committed", changes, command.note, _after(reservation, lines, "committed", now))


def _give_back(
    ending: Ending,
    command: ReleaseHold | ExpireHold,
    named: Mapping[ItemId, int],
    reservation: Reservation,
    now: Instant,
) -> Draft:
    lines = tuple(line._replace(released=line.released + named.get(line.item, 0)) for line in reservation.lines)
    changes = tuple(Change(item, 0, -qty) for item, qty in named.items())
    return Draft(f"reservation.{ending}", changes, command.note, _after(reservation, lines, ending, now))


def _expire(command: ExpireHold, reservation: Hold, now: Instant) -> Draft:
    if not isinstance(reservation, Reservation) or not reservation.is_open or not reservation.is_over(now):
        raise WrongState(reservation.reservation_id, reservation.state)
    return _give_back("expired", command, _named(reservation, None), reservation, now)


def _named(reservation: Reservation, lines: tuple[WantedLine, ...] | None) -> Mapping[ItemId, int]:
    """The units of each item that the command names. :raises ExceedsHold: names every line that holds fewer."""
    held = {line.item: line.held for line in reservation.lines if line.held}
    if lines is None:
        return held
    named = summed(lines)
    short = [Shortage(item, qty, held.get(item, 0)) for item, qty in named.items() if qty > held.get(item, 0)]
    if short:
        raise ExceedsHold(reservation.reservation_id, short)
    return named


def _after(reservation: Reservation, lines: tuple[HeldLine, ...], done: Ending, now: Instant) -> Reservation:
    after = reservation._replace(lines=lines, version=reservation.version + 1)
    if any(line.held for line in lines):
        return after
    return after._replace(ended_at=now, ended_by=done)


def _end(now: Instant, ttl_ms: int) -> Instant:
    return Instant(now + ttl_ms * 1000)
