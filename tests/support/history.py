"""What clients have recorded of their requests, and the rules of one record to check it against."""

from typing import Literal, NamedTuple

NEVER = 1 << 63


class Told(NamedTuple):
    """What an answer says of its record; ``None`` where it says nothing. Version 0: there is no such record.

    :ivar as_of: the sequence up to which the log had been read.
    """

    version: int | None = None
    on_hand: int | None = None
    reserved: int | None = None
    qty: int | None = None
    sequence: int | None = None
    as_of: int | None = None


class Operation(NamedTuple):
    """One request of one item, as its client saw it.

    :ivar began: in nanoseconds of a clock that all clients share; so is ``ended``, ``NEVER`` without an answer.
    :ivar amount: the delta, the units to reserve, or the units that were counted.
    :ivar expected: the only version at which it may happen.
    :ivar lag: by how many nanoseconds the answer says that it may be behind.
    """

    kind: Literal["read", "adjust", "reserve", "count"]
    item: str
    began: int
    ended: int
    outcome: Literal["done", "refused", "unknown"] = "done"
    told: Told = Told()
    amount: int = 0
    expected: int | None = None
    key: str | None = None
    lag: int = 0

    @property
    def is_change(self) -> bool:
        """Whether it has changed the record, for certain."""
        return self.kind != "read" and self.outcome == "done"

    @property
    def may_have_happened(self) -> bool:
        """Whether it is a change whose outcome is unknown."""
        return self.kind != "read" and self.outcome == "unknown"


class State(NamedTuple):
    """A record by the rules."""

    version: int = 0
    on_hand: int = 0
    reserved: int = 0

    def after(self, change: Operation) -> "State | None":
        """What the change makes of it; ``None`` where it is to be refused."""
        if change.expected not in (None, self.version) or (change.kind != "count" and not self.version):
            return None
        on_hand, reserved = self.on_hand, self.reserved
        match change.kind:
            case "adjust":
                taken = max(0, -change.amount)
                on_hand += change.amount
            case "reserve":
                taken = change.amount
                reserved += change.amount
            case _:
                # A count is a fact, also where more is promised than there is.
                taken, on_hand = 0, change.amount
        return State(self.version + 1, on_hand, reserved) if taken <= self.qty else None

    @property
    def qty(self) -> int:
        """What can be sold or promised."""
        return max(0, self.on_hand - self.reserved)

    def fits(self, told: Told) -> bool:
        """Whether an answer could say this of it."""
        here = (self.version, self.on_hand, self.reserved, self.qty)
        return all(said in (None, is_so) for said, is_so in zip(told, here, strict=False))

    def refuses(self, operation: Operation) -> bool:
        """Whether it would refuse the operation with that answer."""
        return self.fits(operation.told) and (operation.kind == "read" or self.after(operation) is None)


class Violation(NamedTuple):
    """One way in which no correct service can have produced a history.

    :ivar rule: ``doubled``: one version was given to two changes, or a change got none. ``missing``: no change made
        a version. ``figures``: an answer does not follow from the one before, or two differ on one version.
        ``impossible``: the change was to be refused. ``refusal``: it was not, in any state that it may have met.
        ``stale``: older than what had ended before it began. ``order``: a change is, or it was seen before it began.
        ``key``: two answers to one key. ``sequence``: the log had another order than the versions.
    """

    rule: Literal["doubled", "missing", "figures", "impossible", "refusal", "stale", "order", "key", "sequence"]
    item: str
    text: str
