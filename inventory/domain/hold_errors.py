"""What can be wrong with a reservation, or hold."""

from collections.abc import Sequence

from inventory.domain.errors import InsufficientStock, Refusal, Shortage
from inventory.domain.reservation import Hold


class ReservationNotFound(Refusal):
    """There is no such reservation, or it ended so long ago that it was forgotten."""

    def __init__(self, reservation_id: str) -> None:
        super().__init__(f"there is no reservation {reservation_id}")
        self.reservation_id = reservation_id


class ReservationExpired(Refusal):
    """The reservation's time is over; nothing of it is promised any more."""

    def __init__(self, reservation_id: str) -> None:
        super().__init__(f"the time of reservation {reservation_id} is over")
        self.reservation_id = reservation_id


class WrongState(Refusal):
    """The reservation has ended in another way, so this cannot be done with it any more."""

    def __init__(self, reservation_id: str, state: str) -> None:
        super().__init__(f"reservation {reservation_id} is {state}")
        self.reservation_id = reservation_id
        self.state = state


class ReservationMoved(Refusal):
    """The reservation has moved on since the caller read it."""

    def __init__(self, reservation_id: str, current_version: int, expected: Sequence[int]) -> None:
        wanted = " or ".join(str(version) for version in expected)
        told = f"expected {wanted}" if wanted else "and no version meets all that was asked for"
        super().__init__(f"reservation {reservation_id} is at version {current_version}, {told}")
        self.reservation_id = reservation_id
        self.current_version = current_version


class ExceedsHold(Refusal):
    """More units of a reservation were named than it still holds.

    :ivar shortages: every such line; ``available`` is what is still held.
    """

    def __init__(self, reservation_id: str, shortages: Sequence[Shortage]) -> None:
        told = "; ".join(
            f"{short.item.sku} in {short.item.store}: {short.requested} named, {short.available} held"
            for short in shortages
        )
        super().__init__(f"reservation {reservation_id} holds less: {told}")
        self.reservation_id = reservation_id
        self.shortages = tuple(shortages)


class PromisedStockMissing(InsufficientStock):
    """A shelf was counted below what is promised: fewer units are there than the reservation still holds.

    The reservation is held as before; what is there can be committed in part.
    """

    next_step = (
        "Commit what is there (name lines with at most the available units of each) and release the rest, or commit"
        " again after more stock was received or the count was corrected."
    )

    def __init__(self, reservation_id: str, shortages: Sequence[Shortage]) -> None:
        super().__init__(*shortages[0], more=shortages[1:])
        self.args = (
            f"{self}; reservation {reservation_id} is still held, but a count found fewer units than were promised",
        )
        self.reservation_id = reservation_id


class AlreadySo(Refusal):
    """What was asked for has been done before, in whole; the service answers with what is there.

    :ivar reservation: as it is remembered: its lines are read when the decision is over, outside of every lock.
    """

    def __init__(self, reservation: Hold) -> None:
        super().__init__(f"reservation {reservation.reservation_id} is {reservation.state} already")
        self.reservation = reservation
