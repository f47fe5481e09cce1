"""The poller of a worker's main loop."""

import select
from collections.abc import Callable
from typing import Any, NamedTuple

from inventory.server.client_socket import ClientSocket


class Watched(NamedTuple):
    """A watched file, and in ``data`` what gunicorn calls with it (as in ``selectors.SelectorKey``)."""

    fileobj: Any
    data: Callable[[Any], object]


class Poller:
    """``epoll`` with the methods of ``selectors`` that gunicorn uses, for read events.

    A client's connection is reported once, then disarmed until it is registered again: ``EPOLLONESHOT``. gunicorn
    removes a connection when it has a request and adds it again after the answer: two system calls, at each of which
    another thread may take the interpreter lock. Measured: 11 % of a change (``docs/speed.md``).
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: dict[int, Watched] = {}

    def register(self, fileobj: Any, _events: int, data: Callable[[Any], object]) -> None:
        """Watch a file, a listener for instance, until it is unregistered; a client's connection until its event."""
        mask = select.EPOLLIN
        if isinstance(fileobj, ClientSocket):
            mask |= select.EPOLLONESHOT
        descriptor = _descriptor(fileobj)
        self._watched[descriptor] = Watched(fileobj, data)
        try:
            self._epoll.modify(descriptor, mask)
        except FileNotFoundError:
            # The first time, or the kernel has removed the previous file with this number, when it was closed.
            self._epoll.register(descriptor, mask)

    def unregister(self, fileobj: Any) -> None:
        """Stop watching it. A connection that was reported is already disarmed."""
        descriptor = _descriptor(fileobj)
        if self._watched.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def select(self, timeout: float) -> list[tuple[Watched, int]]:
        """Wait at most ``timeout`` seconds; return what can be read, or has failed."""
        found = []
        for descriptor, events in self._epoll.poll(max(0.0, timeout)):
            watched = self._watched[descriptor]
            if isinstance(watched.fileobj, ClientSocket):
                del self._watched[descriptor]
            found.append((watched, events))
        return found

    def close(self) -> None:
        """Close the descriptor."""
        self._epoll.close()


def _descriptor(fileobj: Any) -> int:
    return fileobj if isinstance(fileobj, int) else int(fileobj.fileno())
