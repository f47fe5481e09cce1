"""A worker whose changes are answered when a test resolves their tickets."""

import socket
import threading
from collections.abc import Callable
from types import SimpleNamespace

from inventory.domain.errors import Overloaded
from inventory.web.answers import Answer
from inventory.web.deferred_answer import Deferred, LateRefusal
from inventory.web.request_id import REQUEST_ID
from support.waiting import until
from support.worker_thread import Running

REFUSED = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
CHANGE = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"


class Ticket:
    """ResolvedTicket when a test says so. :ivar waited: how often its outcome was asked for."""

    def __init__(self) -> None:
        self.waited = 0
        self._is_settled = threading.Event()
        self._calls: list[Callable[[], None]] = []

    def settle(self) -> None:
        self._is_settled.set()
        for call in self._calls:
            call()

    def on_resolved(self, call: Callable[[], None]) -> None:
        self._calls.append(call)
        if self._is_settled.is_set():
            call()

    def forget(self) -> None:
        self._calls.clear()

    def is_awaited(self) -> bool:
        return bool(self._calls)

    def wait(self) -> SimpleNamespace:
        self.waited += 1
        if not self._is_settled.is_set():
            raise Overloaded("not begun in time")
        return SimpleNamespace(replayed=False)


class Deferring(Running):
    """Answers a POST when its ticket is settled, refuses a PUT late, and answers everything else at once."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer.set()
        self.tickets: list[Ticket] = []
        self.present: Callable[[object], Answer] = lambda _: Answer(b"ok")

    def _app(self, environ, start_response):
        if environ["REQUEST_METHOD"] == "PUT":
            environ[REQUEST_ID] = "r"
            return LateRefusal(Overloaded("too much"))(environ, start_response)
        if environ["REQUEST_METHOD"] != "POST":
            return super()._app(environ, start_response)
        ticket = Ticket()
        self.tickets.append(ticket)
        environ[REQUEST_ID] = "r"
        return Deferred(ticket, self.present, lambda: None)(environ, start_response)

    def change(self) -> tuple[socket.socket, Ticket]:
        """Send one change; returns its client and its ticket once only the main thread deals with it."""
        known = len(self.tickets)
        client = self.client(CHANGE)
        until("the change waits", lambda: len(self.tickets) > known and self.tickets[known].is_awaited())
        return client, self.tickets[known]
