"""One commit group from the queue to the disk, and the answers of its clients. The same rules on every engine.

An error of ``decide`` goes to its own client. A client gets an outcome, or a refusal, once everything that it depends
on is durable. If the store fails:

| step | changes that were decided | changes that were not |
|---|---|---|
| `exclusive`, `begin` | none was | 503, outcome none |
| `write` | 503 with the outcome that the store names; refusals that depend on earlier events only stand | |
| an unexpected error | 503, outcome unknown | 503, outcome none |
| leaving `exclusive` after `write` | 503, outcome unknown | |
| `ensure` | 503, outcome unknown; refusals that depend on durable events stand, the others are 503, outcome none | |

What the look-up of a key raises depends on nothing and stands, whatever fails: such a key must not be called unused.

A change that was withdrawn, or has waited for longer than COMMIT_WAIT_MS, is not decided, and its client is told so.

The breaker gets one report for each group. A step that fails with ``StorageUnavailable`` is a failure, unless it is a
``StorageTimeout`` (slow storage, under load or because of another process, must keep working off the queue) or a
``NeedsOperator`` (the ledger itself refuses, at once and with a better reason). Otherwise an outcome or a ``Refusal``
in the group is a success: the ledger has decided on the current state. Nothing else says anything about storage:
``Overloaded`` is about load, and opening would turn a full queue into an outage; an unexpected error is a bug in
``decide``.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from inventory.domain.errors import (
    IdempotencyConflict,
    NeedsOperator,
    Refusal,
    StorageTimeout,
    StorageUnavailable,
    Unavailable,
)
from inventory.resilience.breaker import Call, CircuitBreaker
from inventory.service.change_overlay import CommitGroup, EventStamp
from inventory.service.pending_change import PendingChange, PendingGroup, as_not_begun, as_unavailable
from inventory.service.ports.change_queue import Outcome
from inventory.service.ports.group_store import GroupStore, StoreLost
from inventory.service.quotas import QuotaExceeded

_DECIDED = (Outcome, Refusal)
_log = logging.getLogger(__name__)


class _Result(NamedTuple):
    ticket: PendingChange
    resolved: Outcome | Exception
    rests_on: int


class GroupCommit:
    """Commits one group at a time. :ivar store: where to; tests use one that fails.

    :ivar breaker: gets a report on storage for each group; ``None`` for none.
    """

    def __init__(self, store: GroupStore[Any], stamp: EventStamp) -> None:
        self.store = store
        self.breaker: CircuitBreaker | None = None
        self._stamp = stamp
        self._complaint = ""

    def commit(self, take: Callable[[list[PendingGroup]], None]) -> None:
        """Commit the changes that ``take`` takes from the queue, and resolve all their tickets.

        :param take: fills a list. Called once the store is exclusive, so it includes changes that arrived meanwhile.
        :raises BaseException: nothing can be committed any more; every ticket that was taken is resolved anyway.
        """
        taken, begun, results = list[PendingGroup](), list[PendingChange](), list[_Result]()
        failure: Unavailable | None = None
        written = False
        try:
            with self.store.exclusive():
                take(taken)
                group = self.store.begin(taken)
                decided = CommitGroup(group, self._stamp)
                for queued in taken:
                    self._decide_all(decided, queued, begun, results)
                failure = group.refusal
                if decided.events:
                    try:
                        self.store.write(group)
                        written = True
                    except StorageUnavailable as error:
                        if isinstance(error, StoreLost):
                            raise
                        failure, results = error, _unwritten(results, group.first, error)
        except BaseException as error:
            self._complain(error)
            if not taken:
                take(taken)
            try:
                self._tell_breaker(taken, error, ())
            finally:
                self._fail(taken, begun, error, unknown=written)
            if not isinstance(error, Unavailable) or isinstance(error, StoreLost):
                raise
        else:
            self._resolve(taken, results, failure)

    def idle(self) -> None:
        """See ``GroupStore.idle``. :raises BaseException: nothing can be committed any more."""
        try:
            self.store.idle()
        except StoreLost:
            raise
        except Unavailable as error:
            self._complain(error)

    def _decide_all(
        self, decided: CommitGroup, queued: PendingGroup, begun: list[PendingChange], results: list[_Result]
    ) -> None:
        """Decide each change, unless it is withdrawn by then."""
        refusal: Exception | None = None
        rests_on = 0
        try:
            if queued.key is not None and any(change.is_open for change in queued.changes):
                decided.require_unused((queued.key, *[change.key for change in queued.changes]))
        except IdempotencyConflict as error:
            refusal, rests_on = error, decided.latest()
        except Exception as error:  # noqa: BLE001 - it belongs to these changes alone
            refusal = error
        for ticket in queued.changes:
            if ticket.begin():
                begun.append(ticket)
                results.append(self._decide(decided, ticket) if refusal is None else _Result(ticket, refusal, rests_on))

    def _decide(self, decided: CommitGroup, ticket: PendingChange) -> _Result:
        try:
            outcome = decided.run(ticket.entities, ticket.decide, ticket.key)
        except (IdempotencyConflict, QuotaExceeded) as error:
            return _Result(ticket, error, decided.latest())
        except Exception as error:  # noqa: BLE001 - it belongs to this client alone
            return _Result(ticket, error, decided.rests_on(ticket.entities))
        return _Result(ticket, outcome, outcome.event.sequence)

    def _resolve(self, taken: Sequence[PendingGroup], results: Sequence[_Result], failure: Unavailable | None) -> None:
        durable_to = max((result.rests_on for result in results), default=0)
        lost: StoreLost | None = None
        try:
            try:
                self.store.ensure(durable_to)
            except Unavailable as error:
                durable, failure = self.store.durable, error
                lost = error if isinstance(error, StoreLost) else None
                results = [
                    one if one.rests_on <= durable else one._replace(resolved=_undurable(one.resolved, error))
                    for one in results
                ]
        except BaseException as error:
            self._tell(taken, [one._replace(resolved=as_unavailable(error)) for one in results], error)
            raise
        self._tell(taken, results, failure)
        if lost is not None:
            raise lost

    def _tell(self, taken: Sequence[PendingGroup], told: Sequence[_Result], failure: BaseException | None) -> None:
        if failure is None:
            self._complaint = ""
        else:
            self._complain(failure)
        # Before the clients: a client that gets a failure may check at once whether the breaker is open.
        try:
            self._tell_breaker(taken, failure, told)
        finally:
            for ticket, resolved, _ in told:
                ticket.resolve(resolved)

    def _fail(
        self, taken: Sequence[PendingGroup], begun: Sequence[PendingChange], error: BaseException, *, unknown: bool
    ) -> None:
        for ticket in begun:
            told = as_unavailable(error)
            if unknown:
                told.outcome = "unknown"
            ticket.resolve(told)
        for ticket in [change for group in taken for change in group.changes if change.take()]:
            ticket.resolve(as_not_begun(error))

    def _tell_breaker(
        self, taken: Sequence[PendingGroup], failure: BaseException | None, results: Sequence[_Result]
    ) -> None:
        if self.breaker is None:
            return
        # The latest of the calls that it has admitted. A look-up of keys has none.
        call = taken[-1].call or next((group.call for group in reversed(taken) if group.call is not None), None)
        if call is None:
            return
        if failure is None:
            for _, resolved, _ in results:
                if isinstance(resolved, _DECIDED):
                    self.breaker.succeeded(call)
                    return
                if isinstance(resolved, StorageUnavailable):
                    failure = resolved
        report(self.breaker, call, failure)

    def _complain(self, error: BaseException) -> None:
        # Log each cause once, and again when it recurs: thousands of changes may fail with it.
        if str(error) != self._complaint:
            self._complaint = str(error)
            _log.error("%s", error)


def report(breaker: CircuitBreaker, call: Call, error: BaseException | None) -> None:
    """Report to the breaker what an error means for the storage behind it; ``None`` means nothing."""
    match error:
        case StorageTimeout() | NeedsOperator():
            breaker.withdrew(call)
        case StorageUnavailable():
            breaker.failed(call)
        case Refusal():
            breaker.succeeded(call)
        case _:
            breaker.withdrew(call)


def _unwritten(results: Sequence[_Result], before: int, error: StorageUnavailable) -> list[_Result]:
    """The results of a group that could not be written: those that depend on earlier events only stand."""
    return [
        result if result.rests_on <= before else _Result(result.ticket, as_unavailable(error, key_looked_up=True), 0)
        for result in results
    ]


def _undurable(resolved: Outcome | Exception, error: Unavailable) -> Unavailable:
    told = as_unavailable(error, key_looked_up=True)
    # A replay too: the change that it replays may or may not be lost.
    if isinstance(resolved, Outcome):
        told.outcome = "unknown"
    return told
