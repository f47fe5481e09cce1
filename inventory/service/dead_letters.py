"""Dead letters: events that could not be applied in several tries are noted, and an operator settles them."""

import logging
from collections.abc import Callable
from typing import Literal, NamedTuple

from inventory.domain.commands import Note, SettleDeadLetter
from inventory.domain.dead_letter import Break
from inventory.domain.errors import Overloaded, SettlementRefused, StorageUnavailable
from inventory.domain.values import Instant, ItemId
from inventory.service.dead_letter_check import AT_ONCE, DeadLetterCheck, settled_by
from inventory.service.ports.dead_letter_store import DeadLetter, DeadLetterState, DeadLetterStore, NumberedDeadLetter
from inventory.service.ports.health import BrokenItem, LedgerHealth
from inventory.service.ports.stock_reads import Page, PageRequest
from inventory.service.stock import StockService

_PAUSE_AFTER_FAILURE = 15_000_000
_TURN_MS = 10_000
_log = logging.getLogger(__name__)


class _Work(NamedTuple):
    """Durable differences between the log and the dead-letter store.

    :ivar unnoted: breaks without a letter. :ivar over: dead letters whose records are no longer broken.
    """

    unnoted: list[BrokenItem]
    over: list[DeadLetter]
    durable: int


class DeadLetters:
    """Brings the dead-letter store up to date with the log, from which breaks and settlements follow."""

    def __init__(
        self,
        ledger: LedgerHealth,
        stock: StockService,
        letters: DeadLetterStore,
        check: DeadLetterCheck,
        now: Callable[[], Instant],
    ) -> None:
        self._ledger = ledger
        self._stock = stock
        self._letters = letters
        self._check = check
        self._now = now
        self._not_before = Instant(0)
        self._doubtful: set[BrokenItem] = set()

    def note_new(self) -> int:
        """Note what is missing, unless another process is doing it; return the number of entries added.

        After a failure, calls do nothing for some seconds.

        :raises StorageUnavailable: not everything could be noted; nothing else is affected.
        """
        if self._now() < self._not_before or not any(self._work()[:2]):
            return 0
        with self._letters.lock(wait_ms=0) as ours:
            if not ours:
                return 0
            self._not_before = Instant(self._now() + _PAUSE_AFTER_FAILURE)
            noted = self._note()
            self._not_before = Instant(0)
            return noted

    def settle(
        self, sequence: int, item: ItemId | None, action: Literal["requeue", "discard"], by: str, reason: str | None
    ) -> DeadLetter:
        """Settle one dead letter with an event, after which its record accepts changes again in every process.

        :param item: the record, if the event broke several.
        :raises SettlementRefused: there is no such letter, it is already settled, or it cannot be settled in this way.
        :raises Overloaded: another process has worked on the letters for too long.
        :raises Unavailable: see ``Ticket.wait``.
        """
        with self._letters.lock(wait_ms=_TURN_MS) as ours:
            if not ours:
                raise Overloaded("another process is working on the dead letters")
            self._note()
            letter = self._dead_one(sequence, item)
            if action == "discard":
                self._check_that_it_stands_alone(letter)
            note = Note(by, None, reason, f"event {sequence}")
            outcome = self._stock.change(SettleDeadLetter(letter.item, sequence, action, note))
            settled = settled_by(outcome.event, letter)
            try:
                self._letters.append([settled])
            except StorageUnavailable as error:
                # The event is durable, which is enough: a later pass finds it in the log.
                _log.warning("event %d is settled; a later pass will note that: %s", sequence, error)
            return settled

    def page(self, request: PageRequest, state: DeadLetterState | None = None) -> Page[NumberedDeadLetter]:
        """Return letters in the order in which they were noted; ``after`` is the number of a letter.

        :raises StorageUnavailable: they cannot be read.
        """
        unnoted, _, durable = self._work()
        letters = self._letters.all()
        after = int(request.after or 0)
        found = [
            number for number, letter in enumerate(letters[after:], after + 1) if state is None or letter.state == state
        ]
        shown = found[: request.limit]
        return Page(
            [NumberedDeadLetter(number, letters[number - 1]) for number in shown],
            str(shown[-1]) if len(found) > len(shown) else None,
            # No letter is missing up to there.
            min([durable, *(at.sequence - 1 for _, at in unnoted)]),
        )

    def how_many_dead(self) -> int:
        """Return the number of letters that are not settled."""
        return sum(letter.state == "dead" for letter in self._letters.all())

    def _work(self) -> _Work:
        status = self._ledger.status()
        if status.read_only is not None:
            # This process may not have folded the current log.
            return _Work([], [], status.durable)
        letters = self._letters.all()
        if not letters and not status.broken:
            return _Work([], [], status.durable)
        # Even if many of these have a letter already, some do not.
        many = AT_ONCE + len(letters) + len(self._doubtful)
        found = self._ledger.broken(many) if status.broken else ()
        broken = {(at.sequence, item) for item, at in found if at.sequence <= status.durable}
        looked_at_all = len(found) < many
        known = {(letter.sequence, letter.item) for letter in letters}
        unnoted = [one for one in found if (one.at.sequence, one.item) in broken - known]
        over = [
            letter
            for letter in letters
            if letter.state == "dead"
            and letter.sequence <= status.durable
            and (letter.sequence, letter.item) not in broken
            and (looked_at_all or (letter.sequence, letter.item) < (found[-1].at.sequence, found[-1].item))
        ]
        return _Work([one for one in unnoted if one not in self._doubtful][:AT_ONCE], over, status.durable)

    def _note(self) -> int:
        """Add what is missing. The caller holds the lock of the letters."""
        unnoted, over, durable = self._work()
        dead = self._check.apply_again(unnoted)
        if dead:
            self._letters.append(dead)
        for letter in dead:
            place = f"{letter.item.sku} in {letter.item.store}"
            _log.error("event %d is a dead letter of %s: %s", letter.sequence, place, letter.reason)
        for item, at in set(unnoted) - {(letter.item, Break(letter.sequence, letter.before)) for letter in dead}:
            self._doubtful.add(BrokenItem(item, at))
            place = f"{item.sku} in {item.store}"
            _log.critical("read again, event %d does continue %s; restart the servers", at.sequence, place)
        settled = self._check.settled_since(over, durable)
        if settled:
            self._letters.append(settled)
        return len(dead) + len(settled)

    def _check_that_it_stands_alone(self, letter: DeadLetter) -> None:
        letters = sum(other.sequence == letter.sequence for other in self._letters.all())
        reason = self._check.reason_to_keep(letter, letters)
        if reason is not None:
            told = f"event {letter.sequence} cannot be discarded: {reason}; requeue it and correct the stock"
            raise SettlementRefused(told)

    def _dead_one(self, sequence: int, item: ItemId | None) -> DeadLetter:
        letters = [
            letter for letter in self._letters.all() if letter.sequence == sequence and item in (None, letter.item)
        ]
        dead = [letter for letter in letters if letter.state == "dead"]
        if len(dead) == 1:
            return dead[0]
        if dead:
            names = ", ".join(f"{letter.item.store}/{letter.item.sku}" for letter in dead)
            raise SettlementRefused(f"event {sequence} is a dead letter of {len(dead)} records; name one: {names}")
        if letters:
            raise SettlementRefused(f"the dead letter of event {sequence} is already {letters[-1].state}")
        of = f" of {item.sku} in {item.store}" if item is not None else ""
        raise SettlementRefused(f"event {sequence} is not a dead letter{of}")
