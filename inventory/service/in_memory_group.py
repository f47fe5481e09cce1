"""The open commit group of an engine with the whole state in memory; see ``OpenGroup``."""

from collections.abc import Callable

from inventory.domain.errors import Unavailable
from inventory.domain.events import Delivery, Event
from inventory.domain.state import State
from inventory.domain.values import Instant
from inventory.service.quotas import Sizes, sizes_of


class StateGroup:
    """A group on a state that does not change until the group is written. ``events`` collects what is accepted."""

    def __init__(
        self,
        state: State,
        now: Instant,
        read_event: Callable[[int], Event],
        *,
        durable: int = 0,
        refusal: Unavailable | None = None,
        complete: bool = True,
    ) -> None:
        """
        :param now: the clock of the host; the group is never earlier than the latest event.
        :param read_event: returns the event at a position in the key table of the state.
        """
        self.events: list[Event] = []
        self.state = state
        self.first = state.sequence
        self.now = max(now, state.last_at)
        self.durable = durable
        self.has_broken = bool(state.broken)
        self.refusal = refusal
        self.complete = complete
        self._read_event = read_event

    def event_of(self, key: str | Delivery) -> Event | None:
        """See ``OpenGroup.event_of``."""
        keys = self.state.keys
        position = keys.find_delivery(key) if isinstance(key, Delivery) else keys.find(key)
        return None if position is None else self._read_event(position)

    def sizes(self) -> Sizes:
        """See ``OpenGroup.sizes``."""
        return sizes_of(self.state)

    def has_store(self, store: str) -> bool:
        """See ``OpenGroup.has_store``."""
        return store in self.state.skus_of_store

    def accept(self, event: Event) -> None:
        """See ``OpenGroup.accept``."""
        self.events.append(event)
