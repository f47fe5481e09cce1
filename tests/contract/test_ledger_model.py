"""The ledger port against a model of plain dicts, in histories that hypothesis makes up."""

from collections.abc import Callable

from given import WRITER, Clock, adding, deciding, item
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from inventory.domain.commands import AdjustStock, CountStock
from inventory.domain.errors import IdempotencyConflict, Refusal
from inventory.domain.hold_commands import reserve_one
from inventory.domain.idempotency import IdempotencyKey
from inventory.domain.values import ItemId
from inventory.service.ledger import Ledger, PageRequest

ITEMS = st.builds(item, st.sampled_from(["a", "b"]), st.sampled_from(["store-1", "store-2"]))
KEYS = st.none() | st.builds(IdempotencyKey, st.sampled_from(["k1", "k2"]), st.sampled_from(["h1", "h2"]))


class LedgerMachine(RuleBasedStateMachine):
    """The model: stock as on hand, reserved, version; keys as hash, sequence, end."""

    def __init__(self, make: Callable[[Clock], Ledger]) -> None:
        super().__init__()
        self.clock = Clock()
        self.ledger = make(self.clock)
        self.stock: dict[ItemId, tuple[int, int, int]] = {}
        self.keys: dict[str, tuple[str, int, int]] = {}
        self.sequence = 0

    @rule(at=ITEMS, on_hand=st.integers(0, 20), key=KEYS)
    def count(self, at: ItemId, on_hand: int, key: IdempotencyKey | None) -> None:
        before, reserved, _ = self.stock.get(at, (0, 0, 0))
        expected = {at: (on_hand - before, 0)} if on_hand >= reserved else None
        self.submit((at,), deciding(CountStock(at, on_hand)), key, expected)

    @rule(at=ITEMS, delta=st.integers(-10, 10), key=KEYS)
    def adjust(self, at: ItemId, delta: int, key: IdempotencyKey | None) -> None:
        on_hand, reserved, version = self.stock.get(at, (0, 0, 0))
        possible = version > 0 and delta != 0 and on_hand - reserved + delta >= 0
        self.submit((at,), deciding(AdjustStock(at, delta)), key, {at: (delta, 0)} if possible else None)

    @rule(at=ITEMS, qty=st.integers(0, 10), key=KEYS)
    def reserve(self, at: ItemId, qty: int, key: IdempotencyKey | None) -> None:
        on_hand, reserved, version = self.stock.get(at, (0, 0, 0))
        possible = version > 0 and 1 <= qty <= on_hand - reserved
        self.submit((at,), deciding(reserve_one(at, qty, "r-1")), key, {at: (0, qty)} if possible else None)

    @rule(items=st.lists(ITEMS, unique=True, min_size=2), delta=st.integers(1, 5), key=KEYS)
    def add_to_several(self, items: list[ItemId], delta: int, key: IdempotencyKey | None) -> None:
        expected = dict.fromkeys(items, (delta, 0))
        self.submit(items, adding(*[(at, delta) for at in items]), key, expected)

    @rule(ms=st.sampled_from([1, WRITER.key_ttl_ms // 2, WRITER.key_ttl_ms]))
    def wait(self, ms: int) -> None:
        self.clock.advance(ms=ms)

    def submit(self, items, decide, key, expected) -> None:
        hash_, first, ends = self.keys.get(key.key, ("", 0, 0)) if key else ("", 0, 0)
        ticket = self.ledger.submit(items, decide, key)
        try:
            outcome = ticket.wait()
        except IdempotencyConflict:
            assert ends > self.clock()
            assert hash_ != key.hash
        except Refusal:
            assert ends <= self.clock()
            assert expected is None
        else:
            if ends > self.clock():
                assert (hash_, outcome.event.sequence, outcome.replayed) == (key.hash, first, True)
            else:
                assert expected is not None
                assert not outcome.replayed
                self.apply(expected, key)
                assert outcome.event.sequence == self.sequence

    def apply(self, expected, key) -> None:
        self.sequence += 1
        for at, (on_hand_delta, reserved_delta) in expected.items():
            on_hand, reserved, version = self.stock.get(at, (0, 0, 0))
            self.stock[at] = (on_hand + on_hand_delta, reserved + reserved_delta, version + 1)
        if key is not None:
            self.keys[key.key] = (key.hash, self.sequence, self.clock() + WRITER.key_ttl_ms * 1000)

    @invariant()
    def every_view_is_that_of_the_model(self) -> None:
        snapshot = self.ledger.snapshot()
        assert snapshot.as_of_sequence == self.sequence
        assert {at: found[1:4] for at, found in snapshot.records.items()} == self.stock
        for at, figures in self.stock.items():
            record = self.ledger.record(at)
            assert record[1:4] == figures
            assert record in self.ledger.records_of_sku(at.sku).records
            assert record in self.ledger.records_of_store(at.store, PageRequest()).items


def test_whatever_is_done_the_ledger_is_what_the_model_is(ledger_factory: Callable):
    run_state_machine_as_test(
        lambda: LedgerMachine(ledger_factory), settings=settings(max_examples=40, stateful_step_count=30)
    )
