"""A client's connection on which nobody waits without a bound."""

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
"""As many as one system call takes (``IOV_MAX``)."""


class ClientSocket(socket.socket):
    """Reads of one request have one deadline; what is there already is always read. A write never waits.

    When it has passed, ``TimeoutError`` with ECONNRESET: gunicorn takes it for a connection that was reset, which is
    what then becomes of it.

    To the kernel it never blocks. gunicorn makes it block and not block for each request: four system calls, and at
    each of them another thread may take the interpreter lock. Here they only say whether a read may wait.

    :ivar expired: a read of this request has waited to its deadline; :ivar answered: something has been written.
    """

    def __init__(self, accepted: socket.socket, close_later: Callable[[socket.socket], None]) -> None:
        """:param close_later: is given the connection when no more will be written on it, and closes it."""
        self._timeout = accepted.gettimeout()
        super().__init__(fileno=accepted.detach())
        super().settimeout(0.0)
        self._close_later = close_later
        self.begin(0.0)

    def begin(self, seconds: float) -> None:
        """A new request: it must have been read in so many seconds; see ``Pace`` for its answer."""
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
                raise TimeoutError(errno.ECONNRESET, "the client did not send its request in time") from None
            return super().recv(bufsize, flags)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Write what the client takes at once; the rest is held back, for ``flush`` or for a ``Sender``."""
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
        """How many bytes are held back."""
        return sum(map(len, self._held)) if self._held else 0

    def hold(self, data: bytes) -> None:
        """Hold back what is to be sent with what follows, in one piece: see ``send_some``."""
        self.answered = True
        self._held.append(memoryview(data))

    def send_some(self) -> int:
        """Write what the client takes now of what is held back; returns how many bytes that is."""
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
            # The kernel takes no more now. What remains is held back.
            return sent
        return sent

    def flush(self) -> None:
        """Write what was held back, and wait for the client as long as it keeps pace.

        :raises TimeoutError: it does not.
        """
        if not self._held:
            return
        # What the kernel has already is taken when it has gone, too.
        pace, sent = Pace(self._seconds, time.monotonic()), self.untaken()
        while self._held:
            sent += self.send_some()
            if not self._held or self._ready(select.POLLOUT, pace.checked_every):
                continue
            if pace.is_too_slow(sent - self.untaken(), time.monotonic()):
                self.forget_held()
                raise TimeoutError(errno.ECONNRESET, "the client did not read its answer in time")

    def forget_held(self) -> None:
        """Give up on what is held back."""
        self._held.clear()

    @property
    def patience(self) -> float:
        """How long the client may take nothing of an answer, in seconds."""
        return self._seconds

    def untaken(self) -> int:
        """How many bytes the kernel has of this connection that the client's has not."""
        found = array("i", [0])
        fcntl.ioctl(self.fileno(), termios.TIOCOUTQ, found)
        return found[0]

    def shutdown(self, how: int, /) -> None:
        """End it; where nothing more will be written, it is handed over to be closed, and gone from here."""
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
    """A client must take something in each ``patience`` seconds, and ``FLOOR`` bytes a second after the first of them.

    :ivar checked_every: how often to look, in seconds.
    """

    __slots__ = ("_begun", "_moved", "_patience", "_taken", "checked_every")

    def __init__(self, patience: float, now: float) -> None:
        """:param patience: in seconds; :param now: a monotonic clock's, as everywhere here."""
        self._patience = patience
        self._begun = self._moved = now
        self._taken = 0
        self.checked_every = min(0.5, patience / 4)

    def is_too_slow(self, taken: int, now: float) -> bool:
        """Whether the client, which has taken so many bytes by now, is to be given up."""
        if taken > self._taken:
            self._taken, self._moved = taken, now
        return now >= min(self._moved, self._begun + self._taken / FLOOR) + self._patience
