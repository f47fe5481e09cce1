"""A small shop whose rules are tested without any ledger."""

from inventory.domain.commands import CountStock, WantedLine
from inventory.domain.events import Event
from inventory.domain.hold_commands import Command, HoldStock
from inventory.domain.reservation import Reservation
from inventory.domain.state import State, fold
from inventory.domain.values import ItemId
from support.given import Clock, deciding, group_on, item

A, B, LACKING = item("a"), item("b", "store-2"), item("none")
BOTH = (A, B)


class Shop:
    """10 of A and 5 of B; every command is decided and folded at once, at the clock's time."""

    def __init__(self) -> None:
        self.state, self.log, self.clock = State(), list[Event](), Clock()
        self.do(CountStock(A, 10))
        self.do(CountStock(B, 5))

    def do(self, command: Command) -> Event:
        event = group_on(self.state, self.log, self.clock()).run(command.entities, deciding(command), None).event
        self.log.append(event)
        fold(self.state, event, len(self.log) - 1)
        return event

    def hold(self, *lines: WantedLine, ttl_ms: int | None = None) -> Reservation:
        return self.do(HoldStock("r-1", lines or wanted((A, 4), (B, 2)), ttl_ms)).reservation

    def figures(self, at: ItemId) -> tuple[int, int]:
        record = self.state.record(at)
        return record.on_hand, record.reserved


def wanted(*lines: tuple[ItemId, int]) -> tuple[WantedLine, ...]:
    return tuple(WantedLine(at, qty) for at, qty in lines)
