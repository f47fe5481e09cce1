"""The ledger port against a model of plain dicts, in histories that Hypothesis generates."""

import itertools
from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from support.given import WRITER, Clock, adding, all_stock, deciding, item
from support.plain_model import Hold, Model

from inventory.domain.commands import ANY, AdjustStock, CountStock, SetPolicy, TransferStock, WantedLine
from inventory.domain.errors import IdempotencyConflict, Refusal
from inventory.domain.hold_commands import CommitHold, ExpireHold, ExtendHold, HoldStock, ReleaseHold
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.record import Policy
from inventory.domain.values import ItemId
from inventory.service.hold_history import HoldHistory
from inventory.service.ports.ledger import Ledger
from inventory.service.ports.stock_reads import PageRequest, ReservationRequest

ITEMS = st.builds(item, st.sampled_from(["a", "b"]), st.sampled_from(["store-1", "store-2"]))
KEYS = st.none() | st.builds(IdempotencyKey, st.sampled_from(["k1", "k2"]), st.sampled_from(["h1", "h2"]))
LINES = st.lists(
    st.builds(WantedLine, ITEMS, st.sampled_from([1, 2, 3, 6, 0]), st.just(ANY)), min_size=1, max_size=3
).map(tuple)
TTLS = st.none() | st.sampled_from([1, WRITER.key_ttl_ms // 2])
WHICH = st.integers(0, 5)


class LedgerMachine(RuleBasedStateMachine):
    """Does the same to the ledger and to the model; keys as hash, sequence, end."""

    def __init__(self, make: Callable[[Clock], Ledger]) -> None:
        super().__init__()
        self.clock = Clock()
        self.ledger = make(self.clock)
        self.holds = HoldHistory(self.ledger.history)
        self.model = Model()
        self.names = (f"r-{number}" for number in itertools.count())
        self.keys: dict[str, tuple[str, int, int]] = {}
        self.sequence = 0

    @initialize(lines=st.lists(LINES, min_size=2, max_size=3), ttl_ms=TTLS)
    def begin_with_stock_and_holds(self, lines: list[tuple[WantedLine, ...]], ttl_ms: int | None) -> None:
        for sku, store in itertools.product(["a", "b"], ["store-1", "store-2"]):
            self.count(item(sku, store), 12, None)
        for some in lines:
            self.hold(some, ttl_ms, None)

    @rule(at=ITEMS, on_hand=st.integers(0, 20), key=KEYS)
    def count(self, at: ItemId, on_hand: int, key: IdempotencyKey | None) -> None:
        deltas = self.model.count(at, on_hand)
        if self.submit((at,), deciding(CountStock(at, on_hand)), key, deltas):
            self.model.brought += deltas[at][0]

    @rule(at=ITEMS, delta=st.integers(-10, 10), key=KEYS)
    def adjust(self, at: ItemId, delta: int, key: IdempotencyKey | None) -> None:
        if self.submit((at,), deciding(AdjustStock(at, delta)), key, self.model.adjust(at, delta)):
            self.model.brought += delta

    @rule(items=st.lists(ITEMS, unique=True, min_size=2), delta=st.integers(1, 5), key=KEYS)
    def add_to_several(self, items: list[ItemId], delta: int, key: IdempotencyKey | None) -> None:
        if self.submit(items, adding(*[(at, delta) for at in items]), key, dict.fromkeys(items, (delta, 0))):
            self.model.brought += delta * len(items)

    @rule(at=ITEMS, policy=st.builds(Policy, st.sampled_from([0, 3, 8, 12]), st.none()), key=KEYS)
    def set_policy(self, at: ItemId, policy: Policy, key: IdempotencyKey | None) -> None:
        deltas = {at: (0, 0)} if at in self.model.stock else None
        if self.submit((at,), deciding(SetPolicy(at, policy)), key, deltas):
            self.model.policies[at] = policy

    @rule(lines=LINES, ttl_ms=TTLS, key=KEYS)
    def hold(self, lines: tuple[WantedLine, ...], ttl_ms: int | None, key: IdempotencyKey | None) -> None:
        command = HoldStock(next(self.names), lines, ttl_ms)
        deltas = self.model.hold(lines)
        if self.submit(command.entities, deciding(command), key, deltas):
            ends = None if ttl_ms is None else self.clock() + ttl_ms * 1000
            held = {at: [units, 0, 0] for at, (_, units) in deltas.items()}
            self.model.holds[command.reservation_id] = Hold(held, ends)

    @rule(which=WHICH, lines=st.none() | LINES, kind=st.sampled_from([CommitHold, ReleaseHold]), key=KEYS)
    def commit_or_release(self, which: int, lines, kind: type, key: IdempotencyKey | None) -> None:
        name, items = self.one_of_the_holds(which)
        leaves = kind is CommitHold
        deltas = self.model.part(name, lines, self.clock(), leaves=leaves)
        command = kind(name, items, lines)
        if self.submit(command.entities, deciding(command), key, deltas):
            self.model.was_parted(name, deltas, "committed" if leaves else "released")

    @rule(which=WHICH, ttl_ms=st.sampled_from([1, 1000]), key=KEYS)
    def extend(self, which: int, ttl_ms: int, key: IdempotencyKey | None) -> None:
        name, _ = self.one_of_the_holds(which)
        command = ExtendHold(name, ttl_ms)
        if self.submit(command.entities, deciding(command), key, self.model.extend(name, self.clock())):
            self.model.holds[name].ends = self.clock() + ttl_ms * 1000

    @rule()
    def sweep(self) -> None:
        due = self.model.due(self.clock())
        assert {held.reservation_id for held in self.ledger.due_reservations(100)} == set(due)
        for name, hold in due.items():
            deltas = {at: (0, -units) for at, units in hold.held().items()}
            command = ExpireHold(name, tuple(hold.lines))
            assert self.submit(command.entities, deciding(command), None, deltas)
            self.model.was_parted(name, deltas, "expired")

    @rule(lines=LINES, to=st.sampled_from(["store-1", "store-2", "store-3"]), key=KEYS)
    def transfer(self, lines: tuple[WantedLine, ...], to: str, key: IdempotencyKey | None) -> None:
        command = TransferStock(lines, to)
        self.submit(command.entities, deciding(command), key, self.model.transfer(lines, to))

    @rule(ms=st.sampled_from([1, WRITER.key_ttl_ms // 2, WRITER.key_ttl_ms]))
    def wait(self, ms: int) -> None:
        self.clock.advance(ms=ms)

    def one_of_the_holds(self, which: int) -> tuple[str, tuple[ItemId, ...]]:
        known = [*self.model.holds, "unknown"]
        name = known[which % len(known)]
        return name, tuple(self.model.holds[name].lines) if name in self.model.holds else ()

    def submit(self, items, decide, key, expected) -> bool:
        """Returns whether it has changed something now."""
        hash_, first, ends = self.keys.get(key.key, ("", 0, 0)) if key else ("", 0, 0)
        ticket = self.ledger.submit(items, decide, key)
        try:
            outcome = ticket.wait()
        except IdempotencyConflict:
            assert ends > self.clock()
            assert hash_ != key.hash
            return False
        except Refusal:
            assert ends <= self.clock()
            assert expected is None
            return False
        if ends > self.clock():
            assert (hash_, outcome.event.sequence, outcome.replayed) == (key.hash, first, True)
            return False
        assert expected is not None
        assert not outcome.replayed
        self.model.apply(expected)
        self.sequence += 1
        assert outcome.event.sequence == self.sequence
        if key is not None:
            self.keys[key.key] = (key.hash, self.sequence, self.clock() + WRITER.key_ttl_ms * 1000)
        return True

    @invariant()
    def every_view_is_that_of_the_model(self) -> None:
        snapshot = all_stock(self.ledger)
        assert snapshot.as_of_sequence == self.sequence
        assert {at: found[1:4] for at, found in snapshot.records.items()} == self.model.stock
        for at, figures in self.model.stock.items():
            record = self.ledger.record(at)
            assert record[1:4] == figures
            assert (record.qty, record.available) == (self.model.qty(at), self.model.available(at))
            assert record in self.ledger.records_of_sku(at.sku).records
            assert record in self.ledger.records_of_store(at.store, PageRequest()).items

    @invariant()
    def every_hold_is_that_of_the_model_and_reserved_is_what_they_hold(self) -> None:
        found = [self.holds.whole(one) for one in self.ledger.reservations(ReservationRequest()).items]
        assert {
            one.reservation_id: (one.state, {line.item: list(line[1:]) for line in one.lines}, one.expires_at)
            for one in found
        } == {name: (hold.state(), hold.lines, hold.ends) for name, hold in self.model.holds.items()}
        assert all(one == self.holds.whole(self.ledger.reservation(one.reservation_id)) for one in found)
        for at, (_, reserved, _) in self.model.stock.items():
            assert reserved == sum(hold.held().get(at, 0) for hold in self.model.holds.values())

    @invariant()
    def no_unit_is_lost_or_made(self) -> None:
        there = sum(record.on_hand for record in all_stock(self.ledger).records.values())
        found = [self.holds.whole(one) for one in self.ledger.reservations(ReservationRequest()).items]
        assert there + sum(line.committed for one in found for line in one.lines) == self.model.brought


def test_whatever_is_done_the_ledger_is_what_the_model_is(ledger_factory: Callable):
    run_state_machine_as_test(
        lambda: LedgerMachine(ledger_factory), settings=settings(max_examples=80, stateful_step_count=30)
    )
