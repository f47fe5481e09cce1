"""What a process has of dead letters, on a folder under test."""

import json
from dataclasses import dataclass

from inventory.eventlog.dead_letter_file import DeadLetterFile
from inventory.eventlog.ledger import FileLedger
from inventory.resilience.retry import RetryPolicy
from inventory.service.dead_letter_check import DeadLetterCheck
from inventory.service.dead_letters import DeadLetters
from inventory.service.stock import StockService
from support.folder import Folder, Shim
from support.given import Clock

QUICK = RetryPolicy(3, 1, sleep=lambda _: None)


@dataclass
class Process:
    """What a process has of dead letters."""

    ledger: FileLedger
    letters: DeadLetters


def process(folder: Folder, disk: Shim | None = None) -> Process:
    """One more process on a prepared folder."""
    ledger, clock = folder.open(disk), Clock()
    file = DeadLetterFile(folder.layout, disk or Shim())
    check = DeadLetterCheck(ledger.history, QUICK, clock)
    return Process(ledger, DeadLetters(ledger, StockService(ledger), file, check, clock))


def states(folder: Folder) -> list[str]:
    """What every line of the file says, one after another."""
    return [json.loads(line)["state"] for line in folder.layout.dead_letters.read_bytes().splitlines()]
