"""What tests start from: items, a clock that the test moves, and histories."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from inventory.domain.commands import AdjustStock, CountStock, Note
from inventory.domain.decide import StateView, decide
from inventory.domain.errors import Refusal
from inventory.domain.events import Change, Draft, Event, Line
from inventory.domain.hold_commands import Command, reserve_one
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.record import Record
from inventory.domain.state import State, fold
from inventory.domain.values import Instant, ItemId, Sku, StoreId
from inventory.memory.ledger import MemoryLedger
from inventory.service.change_overlay import CommitGroup, EventStamp
from inventory.service.in_memory_group import StateGroup
from inventory.service.ports.change_queue import Decide, Submission, Ticket
from inventory.service.ports.stock_reads import StockReads, every

START = Instant(1_750_000_000_000_000)
WRITER = EventStamp("node-1", key_ttl_ms=60_000)


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self, at: int = START) -> None:
        self.at = at

    def __call__(self) -> Instant:
        return Instant(self.at)

    def advance(self, *, ms: int) -> None:
        self.at += ms * 1000


def item(sku: str = "sku-1", store: str = "store-1") -> ItemId:
    return ItemId(StoreId(store), Sku(sku))


def deciding(command: Command) -> Decide:
    return lambda state, now: decide(command, state, now)


def adding(*changes: tuple[ItemId, int]) -> Decide:
    """Decide on these deltas, whatever there is."""

    def decided(state: StateView, now: Instant) -> Draft:
        return Draft("test.changed", tuple(Change(at, delta) for at, delta in changes))

    return decided


def refusing(error: Exception) -> Decide:
    def decided(state: StateView, now: Instant) -> Draft:
        raise error

    return decided


def event_of(sequence: int, *lines: Line, at: int = START) -> Event:
    return Event(sequence, f"event-{sequence}", "test.changed", Instant(at), "node-1", Note(), lines)


def group_on(state: State, log: list[Event], now: int = START, stamp: EventStamp = WRITER) -> CommitGroup:
    """A commit group at the end of a log whose positions are its indexes."""
    return CommitGroup(StateGroup(state, Instant(now), log.__getitem__), stamp)


class OneByOne(MemoryLedger):
    """A ledger whose ``submit``, which a test may replace, is also given what is submitted together."""

    def submit_all(self, changes: Sequence[Submission], key: IdempotencyKey | None = None) -> Sequence[Ticket]:
        return [self.submit(*change) for change in changes]


class Everything(NamedTuple):
    """All stock as of one event, in the engine's own order."""

    as_of_sequence: int
    records: dict[ItemId, Record]
    items_of_sku: dict[str, list[ItemId]]


def all_stock(ledger: StockReads, at_once: int = 1000) -> Everything:
    """Walk over all records, and over all SKUs."""
    with ledger.walk() as stock:
        records = [record for part in every(stock.records, at_once) for record in part]
        skus = [one for part in every(stock.skus, at_once) for one in part]
        of_sku = {sku: [record.item for record in of_it] for sku, of_it in skus}
        return Everything(stock.as_of_sequence, {record.item: record for record in records}, of_sku)


def fold_all(events: Iterable[Event], state: State | None = None) -> State:
    state = state or State()
    for event in events:
        fold(state, event, event.sequence - 1)
    return state


def history(commands: Iterable[Command]) -> list[Event]:
    """The events of those commands that are not refused."""
    state, log = State(), []
    for tick, command in enumerate(commands):
        group = group_on(state, log, START + tick)
        try:
            event = group.run(command.entities, deciding(command), None).event
        except Refusal:
            continue
        log.append(event)
        fold(state, event, len(log) - 1)
    return log


ITEMS = st.builds(item, st.sampled_from(["sku-1", "sku-2"]), st.sampled_from(["store-1", "store-2"]))
COMMANDS = st.one_of(
    st.builds(CountStock, ITEMS, st.integers(-1, 30)),
    st.builds(AdjustStock, ITEMS, st.integers(-20, 20)),
    st.builds(reserve_one, ITEMS, st.integers(-1, 10), st.integers(0, 10**9).map("r-{}".format)),
)
