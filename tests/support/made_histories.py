"""Histories without a service: records of clients of a perfect one, and small ones for an exhaustive search."""

from collections.abc import Sequence
from itertools import permutations
from random import Random

from support.history import NEVER, Operation, State, Told

ITEM = "store-1/sku-1"


def told_of(state: State, sequence: int | None = None) -> Told:
    return Told(*state, state.qty, sequence)


def perfect(seed: int, length: int, items: Sequence[str] = (ITEM,), at_once: int = 8) -> list[Operation]:
    """A history with ``at_once`` clients, each operation at one instant between its begin and its end."""
    random = Random(seed)
    states = dict.fromkeys(items, State())
    keys: dict[str, tuple[Operation, Told]] = {}
    history, sequence = [], 0
    free_at = [0] * at_once
    instants: list[tuple[int, int, int]] = []
    for _ in range(length):
        client = min(range(at_once), key=free_at.__getitem__)
        began = free_at[client] + random.randint(1, 20)
        instant, ended = began + random.randint(0, 60), began + 60 + random.randint(0, 60)
        free_at[client] = ended
        instants.append((instant, began, ended))
    for number, (_, began, ended) in enumerate(sorted(instants)):
        item = random.choice(items)
        state = states[item]
        operation = _asked(random, item, state, number)._replace(began=began, ended=ended)
        if keys and random.random() < 0.05:
            operation, told = random.choice(list(keys.values()))
            history.append(operation._replace(began=began, ended=ended, told=told))
            continue
        after = state if operation.kind == "read" else state.after(operation)
        if after is None:
            history.append(operation._replace(outcome="refused", told=_refusal(state, operation)))
            continue
        sequence += after != state
        states[item] = after
        if random.random() < 0.02 and operation.kind != "read":
            history.append(operation._replace(outcome="unknown", ended=NEVER))
            continue
        told = told_of(after, sequence if operation.kind != "read" else None)
        if operation.key is not None:
            keys[operation.key] = (operation, told)
        history.append(operation._replace(told=told))
    return history


def _asked(random: Random, item: str, state: State, number: int) -> Operation:
    kind = random.choice(("read", "read", "adjust", "adjust", "reserve", "count"))
    amount = {"adjust": random.choice((-5, -2, 3)), "reserve": 3}.get(kind, state.reserved + random.randint(-2, 20))
    key = f"key-{number}" if random.random() < 0.3 and kind != "read" else None
    expected = random.choice((None, None, state.version, state.version + 1)) if kind != "read" else None
    return Operation(kind, item, 0, 0, amount=max(0, amount), key=key, expected=expected)  # type: ignore[arg-type]


def _refusal(state: State, operation: Operation) -> Told:
    if operation.expected not in (None, state.version) or not state.version:
        return Told(version=state.version)
    if operation.kind == "count":
        return Told(reserved=state.reserved)
    return Told(qty=state.qty)


def has_an_order(history: Sequence[Operation]) -> bool:
    """Whether any order at all explains a small history of one item: every one is tried."""
    unknown = [one for one in history if one.may_have_happened]
    certain = [one for one in history if not one.may_have_happened]
    for chosen in range(1 << len(unknown)):
        happened = certain + [one for bit, one in enumerate(unknown) if chosen >> bit & 1]
        if any(_explains(order) for order in permutations(happened)):
            return True
    return False


def _explains(order: Sequence[Operation]) -> bool:
    state, latest_begin = State(), -1
    for one in order:
        if one.ended < latest_begin:
            return False
        latest_begin = max(latest_begin, one.began)
        if one.outcome == "refused":
            if not state.refuses(one):
                return False
            continue
        after = state if one.kind == "read" else state.after(one)
        if after is None or not after.fits(one.told):
            return False
        state = after
    return True
