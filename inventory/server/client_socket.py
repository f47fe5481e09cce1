"""The socket of a client, on which every wait has a time limit."""

import errno
import fcntl
import select
import socket
import termios
import time
from array import array
from collections.abc import Callable
from typing import Any

_PIECES_AT_ONCE = 1024
"""As many as one system call accepts (``IOV_MAX``)."""


class ClientSocket(socket.socket):
    """The reads of one request share one deadline; bytes that have arrived are always read. A write never waits.

    After the deadline a read raises ``TimeoutError`` with ECONNRESET: gunicorn treats it like a reset connection, and
    closes it.

    For the kernel the socket never blocks. gunicorn switches blocking on and off for each request: four system calls,
    and at each of them another thread may take the interpreter lock. Here these calls only set whether a read may wait.

    :ivar expired: a read of this request has reached the deadline. :ivar answered: something has been written.
    """

    def __init__(self, accepted: socket.socket, close_later: Callable[[socket.socket], None]) -> None:
        """:param close_later: gets the connection when nothing more will be written to it, and closes it."""
        self._timeout = accepted.gettimeout()
        super().__init__(fileno=accepted.detach())
        super().settimeout(0.0)
        self._close_later = close_later
        self.begin(0.0)

    def begin(self, seconds: float) -> None:
        """Start the deadline of a new request: it must be read within ``seconds``; see ``Pace`` for its answer."""
        self._seconds = seconds
        self._read_until = time.monotonic() + seconds
        self._held: list[memoryview] = []
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
        """Read what has arrived, or wait until the deadline, or the timeout of the socket if that is sooner."""
        try:
            return super().recv(bufsize, flags)
        except BlockingIOError:
            own = self._timeout
            if own == 0.0 or flags & socket.MSG_DONTWAIT:
                raise
            left = self._read_until - time.monotonic()
            if not self._ready(select.POLLIN, left if own is None else min(left, own)):
                self.expired = True
                raise TimeoutError(errno.ECONNRESET, "the client did not send its request in time") from None
            return super().recv(bufsize, flags)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Write what the kernel accepts at once; the rest is held back, for ``flush`` or for a ``Sender``."""
        self.answered = True
        rest = memoryview(data)
        if self._held:
            self._held.append(rest)
            return
        try:
            while rest:
                rest = rest[super().send(rest) :]
        except BlockingIOError:
            self._held.append(rest)

    @property
    def held(self) -> int:
        """The number of bytes held back."""
        return sum(map(len, self._held)) if self._held else 0

    def hold(self, data: bytes) -> None:
        """Hold back ``data``, to be sent together with what follows: see ``send_some``."""
        self.answered = True
        self._held.append(memoryview(data))

    def send_some(self) -> int:
        """Write as much of the held back bytes as the kernel accepts now; return their number."""
        sent = 0
        try:
            while self._held:
                taken = super().sendmsg(self._held[:_PIECES_AT_ONCE])
                sent += taken
                while self._held and taken >= len(self._held[0]):
                    taken -= len(self._held.pop(0))
                if taken:
                    self._held[0] = self._held[0][taken:]
        except BlockingIOError:
            # The kernel accepts no more now. The rest stays held back.
            return sent
        return sent

    def flush(self) -> None:
        """Write the held back bytes, and wait for the client as long as it keeps pace.

        :raises TimeoutError: it does not keep pace.
        """
        if not self._held:
            return
        # Bytes that the kernel has already count as read once they are gone, too.
        pace, sent = Pace(self._seconds, time.monotonic()), self.untaken()
        while self._held:
            sent += self.send_some()
            if not self._held or self._ready(select.POLLOUT, pace.checked_every):
                continue
            if pace.is_too_slow(sent - self.untaken(), time.monotonic()):
                self.forget_held()
                raise TimeoutError(errno.ECONNRESET, "the client did not read its answer in time")

    def forget_held(self) -> None:
        """Drop the bytes held back."""
        self._held.clear()

    @property
    def patience(self) -> float:
        """How long the client may read nothing of an answer, in seconds."""
        return self._seconds

    def untaken(self) -> int:
        """The number of bytes in the kernel that the client has not received."""
        found = array("i", [0])
        fcntl.ioctl(self.fileno(), termios.TIOCOUTQ, found)
        return found[0]

    def shutdown(self, how: int, /) -> None:
        """Shut it down; if nothing more will be written, pass the connection on to be closed."""
        super().shutdown(how)
        if how == socket.SHUT_WR:
            self._close_later(socket.socket(fileno=self.detach()))

    def _ready(self, event: int, seconds: float) -> bool:
        waiting = select.poll()
        waiting.register(self, event)
        return bool(waiting.poll(max(0, seconds * 1000)))


FLOOR = 64 * 1024
"""Bytes a second."""


class Pace:
    """A client must read something in each ``patience`` seconds, and after the first of them ``FLOOR`` bytes a second.

    :ivar checked_every: how often to check, in seconds.
    """

    __slots__ = ("_begun", "_moved", "_patience", "_taken", "checked_every")

    def __init__(self, patience: float, now: float) -> None:
        """:param patience: in seconds. :param now: on a monotonic clock, as everywhere here."""
        self._patience = patience
        self._begun = self._moved = now
        self._taken = 0
        self.checked_every = min(0.5, patience / 4)

    def is_too_slow(self, taken: int, now: float) -> bool:
        """Whether to give up on the client, which has read ``taken`` bytes so far."""
        if taken > self._taken:
            self._taken, self._moved = taken, now
        return now >= min(self._moved, self._begun + self._taken / FLOOR) + self._patience
