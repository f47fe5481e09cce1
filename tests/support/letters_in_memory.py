"""Dead letters of a ledger in memory."""

from inventory.resilience.retry import RetryPolicy
from inventory.service.dead_letter_check import DeadLetterCheck
from inventory.service.dead_letters import DeadLetters
from inventory.service.stock import StockService
from support.dead_letters import BrokenLedger, MemoryLetters, at
from support.given import Clock

TRIES = 4


class World:
    """A ledger with a broken record, letters, and a clock; pauses between tries are noted, not waited for."""

    def __init__(self, ledger: BrokenLedger) -> None:
        self.ledger, self.kept, self.clock = ledger, MemoryLetters(), Clock()
        self.pauses: list[float] = []
        self.stock = StockService(ledger)
        self.letters = self.process()

    def process(self) -> DeadLetters:
        """One more process on the same log and letters."""
        check = DeadLetterCheck(self.ledger.history, RetryPolicy(TRIES, 50, sleep=self.pauses.append), self.clock)
        return DeadLetters(self.ledger, self.stock, self.kept, check, self.clock)

    def noted(self) -> list[tuple[object, ...]]:
        return [at(letter) for letter in self.kept.entries]
