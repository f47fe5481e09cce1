"""What the main loop of a worker asks for events."""

import select
from collections.abc import Callable
from typing import Any, NamedTuple

from inventory.server.client_socket import ClientSocket


class Watched(NamedTuple):
    """What is watched, and what gunicorn calls with it, which it keeps as ``data`` (``selectors.SelectorKey``)."""

    fileobj: Any
    data: Callable[[Any], object]


class Poller:
    """``epoll`` with the methods of ``selectors`` that gunicorn uses, for what can be read.

    A client's connection is told of once, and is then nobody's until it is registered again: ``EPOLLONESHOT``.
    gunicorn takes a connection out when it has a request and puts it in again after the answer, two system calls, at
    each of which another thread may take the interpreter lock. Measured: 11 % of a change (``docs/speed.md``).
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
            # The first time, or the kernel has dropped what had this number before, when that was closed.
            self._epoll.register(descriptor, mask)

    def unregister(self, fileobj: Any) -> None:
        """Watch it no longer. A connection that had its event is not watched already."""
        descriptor = _descriptor(fileobj)
        if self._watched.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def select(self, timeout: float) -> list[tuple[Watched, int]]:
        """Wait for so many seconds at most; return what can be read, or has failed."""
        found = []
        for descriptor, events in self._epoll.poll(max(0.0, timeout)):
            watched = self._watched[descriptor]
            if isinstance(watched.fileobj, ClientSocket):
                del self._watched[descriptor]
            found.append((watched, events))
        return found

    def close(self) -> None:
        """Give the descriptor back."""
        self._epoll.close()


def _descriptor(fileobj: Any) -> int:
    return fileobj if isinstance(fileobj, int) else int(fileobj.fileno())
