"""The service that views and commands call: one thread-safe object over whichever ledger there is."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TypeAlias

from inventory.domain.errors import InventoryError, ItemNotFound, LockLost, SkuNotFound
from inventory.domain.events import Delivery
from inventory.domain.hold_commands import Command
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.record import Record
from inventory.domain.values import ItemId
from inventory.resilience.entity_locks import EntityLocks
from inventory.service.ports.change_queue import Outcome, ResolvedTicket, Submission, Ticket, refusing
from inventory.service.ports.ledger import Ledger
from inventory.service.ports.stock_reads import LONGEST, Page, PageRequest, SkuStock, StoreSummary
from inventory.service.sku_leases import HeldLeases, LeaseEvent, SkuLeases
from inventory.service.submission import deciding, fenced, key_text, skus_of, submission

Wanted: TypeAlias = tuple[Command, IdempotencyKey | Delivery | None]
"""A command and its key."""


class StockService:
    """Changes and reads stock. Every answer is durable and includes all that was confirmed before it."""

    def __init__(self, ledger: Ledger, leases: SkuLeases | None = None) -> None:
        """:param leases: where given, a change takes the lease of its SKU first."""
        self._ledger = ledger
        self._leases = leases
        self._locks = EntityLocks()

    def change(self, command: Command, key: IdempotencyKey | Delivery | None = None) -> Outcome:
        """Carry out one command, or say why not.

        Under a key that was used before, the first outcome is returned and nothing changes. An attempt under a key
        waits for an earlier one that is under way; where another change has the lease of the SKU, the key is still
        looked up.

        :raises Refusal: the command is not possible; nothing has changed.
        :raises LockContended: another change has the lease of the SKU; nothing has changed.
        :raises LockLost: the lease ended before the change was made; nothing has changed.
        :raises Unavailable: see ``Ticket.wait``.
        """
        return self.begin(command, key).wait()

    def begin(self, command: Command, key: IdempotencyKey | Delivery | None = None) -> Ticket:
        """Submit one command; its ticket tells what ``change`` returns or raises, if this does not raise it already.

        Where leases are taken the ticket is settled: a lease is held until the change is made.
        """
        decided = deciding(command)
        entities = command.entities
        skus = [] if self._leases is None else [item.sku for item in entities if isinstance(item, ItemId)]
        # What changes no stock, as an extended reservation does, has no SKU to take a lease of.
        if self._leases is not None and skus:
            return ResolvedTicket(
                self._change_leased(self._leases, skus, Submission(entities, decided, key, command.weight))
            )
        # The lock orders what is submitted for an item. Held until the append, it would shrink every
        # batch to one: measured, 8,000 commits a second on a hot SKU instead of 35,000.
        with self._locks.holding(entities):
            return self._ledger.submit(entities, decided, key, command.weight)

    def _change_leased(self, leases: SkuLeases, skus: Sequence[str], wanted: Submission) -> Outcome:
        entities, decide, key, weight = wanted
        with ExitStack() as stack:
            try:
                held = stack.enter_context(leases.holding(skus, key_text(key)))
            except InventoryError as error:
                if key is None:
                    raise
                return self._ledger.submit(entities, refusing(error), key).wait()
            with self._locks.holding(entities):
                return self._ledger.submit(entities, fenced(decide, [held]), key, weight).wait()

    def change_many(
        self, wanted: Sequence[Wanted], key: IdempotencyKey | None = None
    ) -> list[Outcome | InventoryError]:
        """Carry out commands in their order, each for itself, with one write and one sync for all.

        The results stand in that order too. Where ``change`` would raise, the error stands there instead.

        :param key: that of the request of which all are part; see ``Ledger.submit_all``.
        """
        entities = [entity for command, _ in wanted for entity in command.entities]
        with ExitStack() as stack:
            # A lease for each SKU, not for each command: two of them may be about the same one.
            leases: dict[str, HeldLeases | InventoryError | None] = {}
            waits = True
            for sku in sorted(set(skus_of(entities))):
                leases[sku] = self._lease(stack, sku, key, waits=waits)
                # Waited for once, not for each SKU: an attempt whose process has died keeps them all until they end.
                waits = waits and not isinstance(leases[sku], InventoryError)
            with self._locks.holding(entities):
                tickets = self._submitted([submission(leases, *one) for one in wanted], key)
            return [self._settled(ticket) for ticket in tickets]

    def _lease(
        self, stack: ExitStack, sku: str, key: IdempotencyKey | None, *, waits: bool
    ) -> HeldLeases | InventoryError | None:
        """Hold the SKU's lease until the stack ends; ``None`` where there are no leases."""
        if self._leases is None:
            return None
        try:
            return stack.enter_context(self._leases.holding([sku], key_text(key), waits=waits))
        except InventoryError as error:
            return error

    def _submitted(
        self, wanted: Sequence[Submission | InventoryError], key: IdempotencyKey | None
    ) -> list[Ticket | InventoryError]:
        """Submit what can be, as one; each ticket, or error, in its place."""
        changes = [one for one in wanted if isinstance(one, Submission)]
        try:
            tickets = iter(self._ledger.submit_all(changes, key))
        except InventoryError as error:
            return [error if isinstance(one, Submission) else one for one in wanted]
        return [next(tickets) if isinstance(one, Submission) else one for one in wanted]

    def _settled(self, ticket: Ticket | InventoryError) -> Outcome | InventoryError:
        if isinstance(ticket, InventoryError):
            return ticket
        try:
            return ticket.wait()
        except InventoryError as error:
            if isinstance(error, LockLost) and self._leases is not None:
                self._leases.count("lost")
            return error

    def count_leases(self, count: Callable[[LeaseEvent], None]) -> None:
        """Have ``count`` told what happens to leases, where there are some."""
        if self._leases is not None:
            self._leases.count = count

    def record(self, item: ItemId) -> Record:
        """Return the current record.

        :raises ItemNotFound: there is none.
        """
        record = self._ledger.record(item)
        if record is None:
            raise ItemNotFound(item)
        return record

    def stock_of_sku(self, sku: str, page: PageRequest = LONGEST) -> SkuStock:
        """Return a SKU over all stores, complete as of the call, with that part of its records.

        :raises SkuNotFound: no store has it.
        """
        return _known(self._ledger.records_of_sku(sku, page))

    def central_stock(self, sku: str, page: PageRequest = LONGEST) -> SkuStock:
        """Return a SKU from the central view, which may lag behind by what its ``lag_ms`` says.

        :raises SkuNotFound: the view has none.
        """
        return _known(self._ledger.central_stock(sku, page))

    def stores(self, page: PageRequest) -> Page[StoreSummary]:
        """Return stores by id."""
        return self._ledger.stores(page)

    def records_of_store(self, store: str, page: PageRequest) -> Page[Record]:
        """Return a store's records by SKU.

        :raises StoreNotFound: there is no such store.
        """
        return self._ledger.records_of_store(store, page)

    def queue_depth(self) -> int:
        """Return how many changes wait to be taken up."""
        return self._ledger.queue_depth()


def _known(stock: SkuStock) -> SkuStock:
    if not stock.totals.stores:
        raise SkuNotFound(stock.sku)
    return stock
