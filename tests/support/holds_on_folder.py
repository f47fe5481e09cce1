"""A log with a reservation in every state, and what a ledger says of it."""

from inventory.domain.commands import CountStock, SetPolicy, TransferStock, WantedLine
from inventory.domain.hold_commands import (
    Command,
    CommitHold,
    ExpireHold,
    ExtendHold,
    HoldStock,
    ReleaseHold,
)
from inventory.domain.record import Policy
from inventory.eventlog.ledger import FileLedger
from inventory.service.ports.change_queue import Outcome
from inventory.service.ports.stock_reads import ReservationRequest
from support.folder import Folder
from support.given import all_stock, deciding, item

A, B = item("a"), item("b", "store-2")
BOTH = (A, B)
ALL = ReservationRequest(limit=1000)


def do(ledger: FileLedger, command: Command) -> Outcome:
    return ledger.submit(command.entities, deciding(command)).wait()


def hold(ledger: FileLedger, name: str, ttl_ms: int | None = None) -> None:
    do(ledger, HoldStock(name, (WantedLine(A, 3), WantedLine(B, 2)), ttl_ms))


def one_of_each(folder: Folder) -> FileLedger:
    """A ledger with a reservation in every state, a policy and a transfer."""
    ledger = folder.start()
    for at in BOTH:
        do(ledger, CountStock(at, 100))
    do(ledger, SetPolicy(A, Policy(5, 2)))
    do(ledger, TransferStock((WantedLine(A, 1),), "store-3"))
    for name in ("held", "partly", "committed", "released", "extended"):
        hold(ledger, name)
    for name in ("expired", "due", "later"):
        hold(ledger, name, ttl_ms=1000)
    do(ledger, CommitHold("partly", BOTH, (WantedLine(A, 1),)))
    do(ledger, CommitHold("committed", BOTH))
    do(ledger, ReleaseHold("released", BOTH))
    do(ledger, ExtendHold("extended", 7000))
    do(ledger, ExtendHold("later", 7000))
    folder.machine.up += 1_000_000
    do(ledger, ExpireHold("expired", BOTH))
    return ledger


def everything(ledger: FileLedger) -> tuple[object, ...]:
    page = ledger.reservations(ALL)
    due = [held.reservation_id for held in ledger.due_reservations(100)]
    return page, [ledger.reservation(held.reservation_id) for held in page.items], due, all_stock(ledger)


def restarted(folder: Folder) -> FileLedger:
    folder.close()
    return folder.start()
