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

    To the kernel it never blocks. gunicorn makes it block and not block for each request: four system calls, and at
    each of them another thread may take the interpreter lock. Here they only say whether a call may wait.

    :ivar expired: a read of this request has waited to its deadline; :ivar answered: something has been written.
    """

    def __init__(self, accepted: socket.socket, linger: Callable[[socket.socket], None]) -> None:
        """:param linger: is given the connection when no more will be written on it, and closes it."""
        self._timeout = accepted.gettimeout()
        super().__init__(fileno=accepted.detach())
        super().settimeout(0.0)
        self._linger = linger
        self.begin(0.0)

    def begin(self, seconds: float) -> None:
        """A new request: it must have been read in so many seconds, and every write of its answer taken."""
        self._seconds = seconds
        self._read_until = time.monotonic() + seconds
        self._held = b""
        self.expired = self.answered = False

    def setblocking(self, flag: bool, /) -> None:
        """See ``socket.setblocking``."""
        self._timeout = None if flag else 0.0

    def settimeout(self, value: float | None, /) -> None:
        """See ``socket.settimeout``."""
        self._timeout = value

    def gettimeout(self) -> float | None:
        """See ``socket.gettimeout``."""
        return self._timeout

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Read what is there, or wait for it until the deadline, or the socket's own timeout if that is sooner."""
        try:
            return super().recv(bufsize, flags)
        except BlockingIOError:
            own = self._timeout
            if own == 0.0 or flags & socket.MSG_DONTWAIT:
                raise
            left = self._read_until - time.monotonic()
            if not self._ready(select.POLLIN, left if own is None else min(left, own)):
                self.expired = True
                raise TimeoutError(errno.ECONNRESET, "the client has not sent its request in time") from None
            return super().recv(bufsize, flags)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Write all of it; what the client does not take is waited for until the deadline of this write.

        Where it may not wait, that is held back.
        """
        self.answered = True
        if self._held:
            self._held += data
        else:
            self._send(memoryview(data))

    @property
    def holds(self) -> bool:
        """Whether something is held back that ``flush`` is to write."""
        return bool(self._held)

    def flush(self) -> None:
        """Write what was held back."""
        if self._held:
            head, self._held = self._held, b""
            self._send(memoryview(head))

    def shutdown(self, how: int, /) -> None:
        """End it; where nothing more will be written, it is handed over to be closed, and gone from here."""
        super().shutdown(how)
        if how == socket.SHUT_WR:
            self._linger(socket.socket(fileno=self.detach()))

    def _send(self, rest: memoryview) -> None:
        until = time.monotonic() + self._seconds
        while rest:
            try:
                rest = rest[super().send(rest) :]
            except BlockingIOError:
                if self._timeout == 0.0:
                    self._held = bytes(rest)
                    return
                if not self._ready(select.POLLOUT, until - time.monotonic()):
                    raise TimeoutError(errno.ECONNRESET, "the client has not taken its answer in time") from None

    def _ready(self, event: int, seconds: float) -> bool:
        waiting = select.poll()
        waiting.register(self, event)
        return bool(waiting.poll(max(0, seconds * 1000)))
