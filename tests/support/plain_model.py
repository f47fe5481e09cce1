"""A model of a ledger in plain dicts: stock, holds, keys. It implements the rules independently of the program."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inventory.domain.commands import WantedLine
from inventory.domain.record import Policy
from inventory.domain.values import ItemId

Deltas = Mapping[ItemId, tuple[int, int]]
"""What a change does to each record: units on hand, units reserved."""


@dataclass
class Hold:
    """Units of each item: asked for, gone, given back."""

    lines: dict[ItemId, list[int]]
    ends: int | None
    how_ended: str = ""

    def held(self) -> dict[ItemId, int]:
        left = {at: qty - gone - back for at, (qty, gone, back) in self.lines.items()}
        return {at: units for at, units in left.items() if units}

    def state(self) -> str:
        gone = any(gone for _, gone, _ in self.lines.values())
        if self.held():
            return "partly_committed" if gone else "held"
        return "committed" if gone else self.how_ended


class Model:
    """Everything is refused with ``None``, and is told as the deltas that it would make otherwise."""

    def __init__(self) -> None:
        self.stock: dict[ItemId, tuple[int, int, int]] = {}
        self.policies: dict[ItemId, Policy] = {}
        self.holds: dict[str, Hold] = {}
        self.brought = 0

    def qty(self, at: ItemId) -> int:
        on_hand, reserved, _ = self.stock.get(at, (0, 0, 0))
        return max(on_hand - reserved, 0)

    def available(self, at: ItemId) -> int:
        return max(self.qty(at) - self.policies.get(at, Policy()).safety_stock, 0)

    def apply(self, deltas: Deltas) -> None:
        for at, (on_hand_delta, reserved_delta) in deltas.items():
            on_hand, reserved, version = self.stock.get(at, (0, 0, 0))
            self.stock[at] = (on_hand + on_hand_delta, reserved + reserved_delta, version + 1)

    def adjust(self, at: ItemId, delta: int) -> Deltas | None:
        possible = at in self.stock and delta != 0 and (delta > 0 or self.qty(at) + delta >= 0)
        return {at: (delta, 0)} if possible else None

    def count(self, at: ItemId, on_hand: int) -> Deltas:
        return {at: (on_hand - self.stock.get(at, (0, 0, 0))[0], 0)}

    def hold(self, lines: Sequence[WantedLine]) -> Deltas | None:
        wanted = self._added_up(lines)
        possible = wanted is not None and all(units <= self.available(at) for at, units in wanted.items())
        return {at: (0, units) for at, units in wanted.items()} if possible else None

    def transfer(self, lines: Sequence[WantedLine], target: str) -> Deltas | None:
        wanted = self._added_up(lines)
        if wanted is None or any(at.store == target or units > self.qty(at) for at, units in wanted.items()):
            return None
        arriving: dict[ItemId, int] = {}
        for at, units in wanted.items():
            there = at._replace(store=target)
            arriving[there] = arriving.get(there, 0) + units
        return {at: (-units, 0) for at, units in wanted.items()} | {at: (n, 0) for at, n in arriving.items()}

    def part(self, name: str, lines: Sequence[WantedLine] | None, now: int, *, leaves: bool) -> Deltas | None:
        """Commit (``leaves``) or release all that is held, or ``lines`` of it."""
        hold = self.holds.get(name)
        if hold is None or not self._usable(hold, now):
            return None
        held = hold.held()
        wanted = held if lines is None else self._added_up(lines)
        if wanted is None or any(units > held.get(at, 0) for at, units in wanted.items()):
            return None
        if leaves and any(units > self.stock[at][0] for at, units in wanted.items()):
            return None
        return {at: (-units if leaves else 0, -units) for at, units in wanted.items()}

    def was_parted(self, name: str, deltas: Deltas, how: str) -> None:
        hold = self.holds[name]
        for at, (_, units) in deltas.items():
            hold.lines[at][1 if how == "committed" else 2] -= units
        if not hold.held():
            hold.how_ended = how

    def extend(self, name: str, now: int) -> Deltas | None:
        return {} if name in self.holds and self._usable(self.holds[name], now) else None

    def due(self, now: int) -> dict[str, Hold]:
        return {
            name: hold
            for name, hold in self.holds.items()
            if hold.held() and hold.ends is not None and hold.ends <= now
        }

    def _usable(self, hold: Hold, now: int) -> bool:
        return bool(hold.held()) and (hold.ends is None or now < hold.ends)

    def _added_up(self, lines: Sequence[WantedLine]) -> dict[ItemId, int] | None:
        if not lines or any(line.qty < 1 or line.item not in self.stock for line in lines):
            return None
        return {at: sum(line.qty for line in lines if line.item == at) for at in [line.item for line in lines]}
