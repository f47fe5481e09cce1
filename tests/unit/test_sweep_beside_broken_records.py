"""Holds whose records refuse changes wait; all others are released."""

from support.given import Clock, item

from inventory.domain.commands import CountStock, WantedLine
from inventory.domain.dead_letter import Break
from inventory.memory.ledger import MemoryLedger
from inventory.service.hold_history import HoldHistory
from inventory.service.reservations import ReservationService
from inventory.service.stock import StockService

BROKEN, SOUND = item("sku-1"), item("sku-2")


def test_holds_of_a_broken_record_keep_no_other_from_coming_back():
    clock = Clock()
    ledger = MemoryLedger(now=clock)
    stock = StockService(ledger)
    holds = ReservationService(ledger, stock, clock, HoldHistory(ledger.history))
    for at in (BROKEN, SOUND):
        stock.change(CountStock(at, 1000))
    for _ in range(600):
        holds.hold((WantedLine(BROKEN, 1),), 1000)
    holds.hold((WantedLine(SOUND, 5),), 3000)
    clock.advance(ms=5000)
    ledger._state.broken[BROKEN] = Break(1, None)
    assert holds.expire_due() == 1
    assert (ledger.record(SOUND).reserved, ledger._state.record(BROKEN).reserved) == (0, 600)
