"""Answers to changes, made when the change is resolved: until then they hold no thread."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from inventory.domain.errors import InventoryError
from inventory.service.ports.change_queue import Outcome, Ticket
from inventory.web import logs
from inventory.web.answers import Answer
from inventory.web.problems import answer_to
from inventory.web.request_id import REQUEST_ID

Present: TypeAlias = Callable[[Outcome], Answer]
"""Makes the answer to a change that was applied."""


class Deferred:
    """A WSGI application that starts its answer with the first piece of its body (PEP 3333 allows that).

    A server that knows of it asks once ``on_resolved`` has told it that nothing is waited for any more. Any other asks
    at once, and its thread waits. Nothing here rests on Flask's request, which is over by then.

    :ivar ended: called when the answer is made.
    :cvar late_seconds: how long to delay the answer although it waits for nothing; 0 if ``on_resolved`` tells when.
    """

    __slots__ = ("_count_replay", "_environ", "_present", "_start_response", "_ticket", "ended")
    late_seconds = 0.0

    def __init__(self, ticket: Ticket, present: Present, count_replay: Callable[[], None]) -> None:
        """:param count_replay: called if the answer replays an earlier one."""
        self._ticket = ticket
        self._present = present
        self._count_replay = count_replay
        self.ended: Callable[[], None] = lambda: None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> "Deferred":
        self._environ, self._start_response = environ, start_response
        return self

    def on_resolved(self, call: Callable[[], None]) -> None:
        """See ``Ticket.on_resolved``."""
        self._ticket.on_resolved(call)

    def __iter__(self) -> Iterator[bytes]:
        token = logs.request_id.set(self._environ[REQUEST_ID])
        try:
            return iter(self._answer()(self._environ, self._start_response))
        finally:
            self.ended()
            logs.request_id.reset(token)

    def _answer(self) -> Answer:
        try:
            outcome = self._ticket.wait()
            if outcome.replayed:
                self._count_replay()
            return self._present(outcome)
        except Exception as error:  # noqa: BLE001 - Flask does the same with what a view raises
            return answer_to(error, self._environ)


class LateRefusal(Deferred):
    """A refusal that our worker delays for a second, without a thread; any other server sends it at once.

    For requests that are expensive to send and to refuse: clients that repeat them at once would keep the worker busy.
    """

    __slots__ = ("_error",)
    late_seconds = 1.0

    def __init__(self, error: InventoryError) -> None:
        self._error = error
        self.ended = lambda: None

    def on_resolved(self, call: Callable[[], None]) -> None:
        """Do nothing: only the delay is waited for."""

    def _answer(self) -> Answer:
        return answer_to(self._error, self._environ)
