"""Steps of a hold: short in the log, and the same reservation whichever way it is folded or rebuilt."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.given import Clock, deciding, fold_all, group_on, item

from inventory.domain.commands import CountStock, WantedLine
from inventory.domain.errors import Refusal
from inventory.domain.events import MOST_STEPS, Event
from inventory.domain.hold_commands import Command, CommitHold, ExpireHold, ExtendHold, HoldStock, ReleaseHold
from inventory.domain.reservation import Hold, Reservation
from inventory.domain.state import State, fold
from inventory.eventlog.image import image_of
from inventory.eventlog.line import GENESIS, decode, encode
from inventory.eventlog.log_reader import Cursor
from inventory.eventlog.shared_header import Position
from inventory.eventlog.snapshot import encode_image, restore_image
from inventory.memory.ledger import MemoryHistory
from inventory.service import hold_history
from inventory.service.hold_history import HoldHistory

ITEMS = tuple(item(f"sku-{number}") for number in range(3))
NAMES = st.sampled_from(["r-1", "r-2", "r-3"])
LINES = st.lists(st.builds(WantedLine, st.sampled_from(ITEMS), st.integers(1, 3)), min_size=1, max_size=3).map(tuple)
COMMANDS = st.one_of(
    st.builds(HoldStock, NAMES, LINES, st.none() | st.sampled_from([2, 20, 2000])),
    st.builds(ExtendHold, NAMES, st.sampled_from([1, 30, 3000])),
    st.builds(CommitHold, NAMES, st.just(ITEMS), st.none() | LINES),
    st.builds(ReleaseHold, NAMES, st.just(ITEMS), st.none() | LINES),
    st.builds(ExpireHold, NAMES, st.just(ITEMS)),
)


class World:
    """Commands decided one after the other, and what every hold was after each event."""

    def __init__(self) -> None:
        self.state, self.log, self.clock = State(), list[Event](), Clock()
        self.then: list[Hold | None] = []
        for one in ITEMS:
            self.do(CountStock(one, 10_000))

    def do(self, command: Command) -> None:
        self.clock.advance(ms=1)
        batch = group_on(self.state, self.log, self.clock())
        try:
            event = batch.run(command.entities, deciding(command), None).event
        except Refusal:
            return
        self.log.append(event)
        fold(self.state, event, event.sequence - 1)
        self.then.append(event.reservation)

    def read(self) -> list[Event]:
        """The events as they are read from a log."""
        return [read_from(event) for event in self.log]


def read_from(event: Event) -> Event:
    return decode(encode(event, GENESIS)[0][:-1]).event


def holds(state: State) -> list[Hold]:
    return [*state.reservations.copy()]


def as_told(some: Sequence[Hold]) -> list[Hold]:
    """Without where in the log the lines are."""
    return [one._replace(lines_at=0, steps=0) if isinstance(one, Reservation) else one for one in some]


@given(st.lists(COMMANDS, min_size=5, max_size=60), st.integers(0, 60))
def test_any_history_of_holds_folds_the_same_from_the_log_from_a_snapshot_and_from_the_format_before(
    commands: list[Command], taken_at: int
):
    world = World()
    for command in commands:
        world.do(command)
    events = world.read()
    from_log, cut = fold_all(events), min(taken_at, len(events))
    from_snapshot = fold_all(events[cut:], through_a_snapshot(fold_all(events[:cut])))
    from_format_2 = fold_all(read_from(event._replace(step=None)) for event in world.log)

    assert holds(world.state) == holds(from_log) == holds(from_snapshot)
    assert as_told(holds(from_format_2)) == as_told(holds(from_log))
    assert world.state.records == from_log.records == from_snapshot.records == from_format_2.records
    for one in ITEMS:
        assert from_log.records[one].reserved == from_log.held_of(one)


def through_a_snapshot(state: State) -> State:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "snapshot"
        image = image_of(state, Cursor(Position(1, 0, state.sequence), GENESIS), None)
        path.write_bytes(b"".join(encode_image(image, lambda: None)))
        return restore_image(path).state


@given(st.lists(COMMANDS, min_size=5, max_size=80))
def test_every_reservation_is_rebuilt_as_its_event_left_it(commands: list[Command]):
    world = World()
    for command in commands:
        world.do(command)
    events = world.read()
    history = HoldHistory(MemoryHistory(events, State()))

    assert [event.reservation for event in history.completed(events)] == world.then
    assert [event.reservation for event in history.completed(events[::-1])] == world.then[::-1]
    for event, then in zip(events, world.then, strict=True):
        assert then is None or history.after(event) == then


def size_of(event: Event) -> int:
    return len(encode(event, GENESIS)[0])


def test_the_line_of_an_extend_has_at_most_600_bytes_however_many_lines_the_hold_has():
    world, many = World(), [item(f"{number:064}", f"{number:064}") for number in range(1000)]
    for one in many:
        world.do(CountStock(one, 2))
    name = "01a2317b-4686-7642-893b-d826521485f1"
    world.do(HoldStock(name, tuple(WantedLine(one, 2) for one in many), 2000))
    world.do(ExtendHold(name, 3000))
    extended = world.log[-1]
    assert (extended.type, len(extended.reservation.lines)) == ("reservation.extended", 1000)
    assert size_of(extended) <= 600
    world.do(CommitHold(name, (many[7],), (WantedLine(many[7], 1),)))
    assert size_of(world.log[-1]) <= 1000


class Reads(MemoryHistory):
    """Counts what is read."""

    count = 0

    def events(self, first: int, limit: int, *, archived: bool) -> Sequence[Event]:
        self.count += 1
        return super().events(first, limit, archived=archived)


def in_small_parts(lines: int, parts: int) -> World:
    world = World()
    some = [item(f"part-{number}") for number in range(lines)]
    for one in some:
        world.do(CountStock(one, parts))
    world.do(HoldStock("r", tuple(WantedLine(one, parts) for one in some)))
    for number in range(parts):
        one = some[number % lines]
        world.do((CommitHold, ReleaseHold)[number % 2]("r", (one,), (WantedLine(one, 1),)))
        world.do(ExtendHold("r", 10**6))
    return world


@pytest.mark.parametrize("lines", [1, 3, 40])
def test_rebuilding_reads_no_more_events_than_the_hold_has_lines_however_often_it_was_changed(lines: int):
    events = in_small_parts(lines, 100).read()
    for event in events[-200:]:
        reads = Reads(events, State())
        HoldHistory(reads).after(event)
        assert reads.count <= max(MOST_STEPS, lines) + 1


@pytest.mark.parametrize("lines", [1, 3, 40])
def test_one_change_in_as_many_as_the_hold_has_lines_tells_all_of_them(lines: int):
    events = in_small_parts(lines, 100).read()
    changes = [event for event in events if event.lines and event.type in ("reservation.committed",)]
    changes += [event for event in events if event.lines and event.type == "reservation.released"]
    whole = [event for event in changes if event.reservation is not None]
    assert 0 < len(whole) <= len(changes) / max(MOST_STEPS, lines) + 1


def test_a_page_of_a_thousand_extends_is_rebuilt_with_one_read():
    world = World()
    world.do(HoldStock("r", (WantedLine(ITEMS[0], 1), WantedLine(ITEMS[1], 1))))
    for _ in range(10_000):
        world.do(ExtendHold("r", 10**6))
    events = world.read()
    reads = Reads(events, State())
    page = HoldHistory(reads).completed(events[-1000:])
    assert ([event.reservation for event in page], reads.count) == (world.then[-1000:], 1)


def test_a_page_ends_before_it_has_very_many_lines_of_reservations(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hold_history, "LINES_AT_ONCE", 10)
    world = World()
    world.do(HoldStock("r", tuple(WantedLine(one, 1) for one in ITEMS)))
    for _ in range(9):
        world.do(ExtendHold("r", 10**6))
    events = world.read()[len(ITEMS) :]
    assert [len(HoldHistory(MemoryHistory(events, State())).completed(events[:n])) for n in (0, 1, 9)] == [0, 1, 3]
