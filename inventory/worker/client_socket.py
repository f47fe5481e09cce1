"""A client's connection on which nobody waits without a bound."""

import errno
import select
import socket
import time
from collections.abc import Callable
from typing import Any


class ClientSocket(socket.socket):
    """Reads of one request have one deadline, and each write has one; what is there already is always read.

    When it has passed, ``TimeoutError`` with ECONNRESET: gunicorn takes it for a connection that was reset, which is
    what then becomes of it.

    :ivar expired: a read of this request has waited to its deadline; :ivar answered: something has been written.
    """

    def __init__(self, accepted: socket.socket, linger: Callable[[socket.socket], None]) -> None:
        """:param linger: is given the connection when no more will be written on it, and closes it."""
        timeout = accepted.gettimeout()
        super().__init__(fileno=accepted.detach())
        self.settimeout(timeout)
        self._linger = linger
        self.begin(0.0)

    def begin(self, seconds: float) -> None:
        """A new request: it must have been read in so many seconds, and every write of its answer taken."""
        self._seconds = seconds
        self._read_until = time.monotonic() + seconds
        self.expired = self.answered = False

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Read what is there, or wait for it until the deadline, or the socket's own timeout if that is sooner."""
        own = self.gettimeout()
        if own == 0.0 or flags & socket.MSG_DONTWAIT:
            return super().recv(bufsize, flags)
        try:
            return super().recv(bufsize, flags | socket.MSG_DONTWAIT)
        except BlockingIOError:
            left = self._read_until - time.monotonic()
            if not self._ready(select.POLLIN, left if own is None else min(left, own)):
                self.expired = True
                raise TimeoutError(errno.ECONNRESET, "the client has not sent its request in time") from None
            return super().recv(bufsize, flags)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Write all of it; what the client does not take is waited for until the deadline of this write."""
        self.answered = True
        if self.gettimeout() == 0.0:
            return super().sendall(data, flags)
        until = time.monotonic() + self._seconds
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[super().send(rest, flags | socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                if not self._ready(select.POLLOUT, until - time.monotonic()):
                    raise TimeoutError(errno.ECONNRESET, "the client has not taken its answer in time") from None
        return None

    def shutdown(self, how: int, /) -> None:
        """End it; where nothing more will be written, it is handed over to be closed, and gone from here."""
        super().shutdown(how)
        if how == socket.SHUT_WR:
            self._linger(socket.socket(fileno=self.detach()))

    def _ready(self, event: int, seconds: float) -> bool:
        waiting = select.poll()
        waiting.register(self, event)
        return bool(waiting.poll(max(0, seconds * 1000)))
