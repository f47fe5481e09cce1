"""Checks dead letters against the log: whether an event can be applied after all, and which event has settled it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from inventory.domain.dead_letter import REQUEUED, SETTLEMENTS, Break, gap
from inventory.domain.errors import StorageUnavailable
from inventory.domain.events import Event, Line
from inventory.domain.values import Instant, ItemId
from inventory.resilience.retry import RetryPolicy
from inventory.service.ports.dead_letter_store import DeadLetter, DeadLetterState, Settlement
from inventory.service.ports.event_history import EventHistory, EventsGone
from inventory.service.ports.health import BrokenItem

AT_ONCE = 1000


class _StillDead(Exception):
    """Some events cannot be applied."""


class DeadLetterCheck:
    """Reads events of dead letters again."""

    def __init__(self, events: EventHistory, retry: RetryPolicy, now: Callable[[], Instant]) -> None:
        """:param retry: how often to try an event before it becomes a dead letter."""
        self._events = events
        self._retry = retry
        self._now = now

    def apply_again(self, broken: Sequence[BrokenItem]) -> list[DeadLetter]:
        """Try to apply each event to the figures before it; return a letter for each that failed every try."""
        waiting, dead, tries = list(broken), list[DeadLetter](), 0

        def apply() -> None:
            nonlocal waiting, dead, tries
            tries += 1
            tried = [(one, self._applied(*one, tries)) for one in waiting]
            waiting = [one for one, letter in tried if letter is not None]
            dead = [letter for _, letter in tried if letter is not None]
            if dead:
                raise _StillDead

        try:
            self._retry.call(apply, on=_StillDead)
        except _StillDead:
            return dead
        return []

    def settled_since(self, letters: Sequence[DeadLetter], durable: int) -> list[DeadLetter]:
        """Return dead letters whose records are no longer broken, each with the event that settled it.

        A letter whose settlement is not durable yet is left out; one without a settlement in the log is ``gone``.

        :raises StorageUnavailable: the log cannot be read that far back.
        """
        waiting, found = list(letters), list[DeadLetter]()
        after = min((letter.sequence for letter in waiting), default=0)
        while waiting and (events := self._events.events(after + 1, AT_ONCE, archived=True)):
            after = events[-1].sequence
            for event in events:
                if event.type in SETTLEMENTS:
                    items = {line.item for line in event.lines}
                    hit = [letter for letter in waiting if letter.item in items and letter.sequence < event.sequence]
                    waiting = [letter for letter in waiting if letter not in hit]
                    found += [settled_by(event, letter) for letter in hit if event.sequence <= durable]
        return found + [replace(letter, state="gone") for letter in waiting]

    def reason_to_keep(self, letter: DeadLetter, letters: int) -> str | None:
        """Why the change of this record must not be undone alone; ``None`` if it may be.

        :param letters: the number of dead letters of the event.
        :raises StorageUnavailable: the event cannot be read.
        """
        if letter.line is None:
            return None
        (event,) = self._events.events(letter.sequence, 1, archived=True)
        whole = len(event.lines) - letters
        if whole:
            return f"its changes to {whole} other record(s) would stay"
        return None

    def _applied(self, item: ItemId, at: Break, tries: int) -> DeadLetter | None:
        try:
            events = self._events.events(at.sequence, 1, archived=True)
        except (EventsGone, StorageUnavailable) as error:
            return self._letter(item, at, tries, str(error))
        if not events:
            return self._letter(item, at, tries, "the log no longer has the event")
        for line in events[0].lines:
            if line.item == item:
                reason = "the figures before it are unknown" if at.before is None else gap(line, at.before)
                if reason is not None:
                    return self._letter(item, at, tries, reason, events[0], line)
        return None

    def _letter(
        self, item: ItemId, at: Break, tries: int, reason: str, event: Event | None = None, line: Line | None = None
    ) -> DeadLetter:
        return DeadLetter(
            at.sequence,
            item,
            event.event_id if event else None,
            event.type if event else None,
            event.at if event else None,
            line,
            at.before,
            reason,
            tries,
            self._now(),
        )


def settled_by(event: Event, letter: DeadLetter) -> DeadLetter:
    """The letter, settled by this event."""
    state: DeadLetterState = "requeued" if event.type == REQUEUED else "discarded"
    settlement = Settlement(event.sequence, event.event_id, event.note.actor, event.at, event.note.reason)
    return replace(letter, state=state, settled=settlement)
