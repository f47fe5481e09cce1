"""The refusals of commands on a reservation (hold)."""

from collections.abc import Sequence

from inventory.domain.errors import InsufficientStock, Refusal, Shortage
from inventory.domain.reservation import Hold


class ReservationNotFound(Refusal):
    """There is no such reservation, or it ended so long ago that it is forgotten."""

    def __init__(self, reservation_id: str) -> None:
        super().__init__(f"there is no reservation {reservation_id}")
        self.reservation_id = reservation_id


class ReservationExpired(Refusal):
    """The reservation has expired; its units are no longer held."""

    def __init__(self, reservation_id: str) -> None:
        super().__init__(f"reservation {reservation_id} has expired")
        self.reservation_id = reservation_id


class WrongState(Refusal):
    """The reservation has already ended in another way."""

    def __init__(self, reservation_id: str, state: str) -> None:
        super().__init__(f"reservation {reservation_id} is already {state}")
        self.reservation_id = reservation_id
        self.state = state


class ReservationMoved(Refusal):
    """The reservation has changed since the caller read it."""

    def __init__(self, reservation_id: str, current_version: int, expected: Sequence[int]) -> None:
        wanted = " or ".join(str(version) for version in expected)
        told = f"expected {wanted}" if wanted else "but the expected versions contradict each other"
        super().__init__(f"reservation {reservation_id} is at version {current_version}, {told}")
        self.reservation_id = reservation_id
        self.current_version = current_version


class ExceedsHold(Refusal):
    """The command names more units of a reservation than it still holds.

    :ivar shortages: every such line; ``available`` is what is still held.
    """

    def __init__(self, reservation_id: str, shortages: Sequence[Shortage]) -> None:
        told = "; ".join(
            f"{short.item.sku} in {short.item.store}: {short.requested} requested, {short.available} held"
            for short in shortages
        )
        super().__init__(f"reservation {reservation_id} holds fewer units than requested: {told}")
        self.reservation_id = reservation_id
        self.shortages = tuple(shortages)


class PromisedStockMissing(InsufficientStock):
    """A count found fewer units than the reservation still holds.

    The reservation stays open; the available units can be committed in part.
    """

    next_step = (
        "Commit the available units (name at most that many in each line) and release the rest, or commit again after"
        " a delivery or a corrected count."
    )

    def __init__(self, reservation_id: str, shortages: Sequence[Shortage]) -> None:
        super().__init__(*shortages[0], more=shortages[1:])
        self.args = (
            f"{self}; reservation {reservation_id} is still held, but a count found fewer units than it promises",
        )
        self.reservation_id = reservation_id


class AlreadySo(Refusal):
    """All of the command was done before; the service answers with the reservation as it is.

    :ivar reservation: as it is remembered: its lines are read after the decision, outside all locks.
    """

    def __init__(self, reservation: Hold) -> None:
        super().__init__(f"reservation {reservation.reservation_id} is already {reservation.state}")
        self.reservation = reservation
