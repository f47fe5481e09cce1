"""Closing connections whose last answer has been sent, with nobody waiting for the client."""

import queue
import resource
import socket
import threading
import time
from typing import NamedTuple

_SECONDS = 2.0
_LOOK_EVERY_SECONDS = 0.05
_AT_MOST = 128
# They count as closed for whoever bounds the connections, and are open files all the same.
_SHARE_OF_FILES = 8
_DRAINED_AT_MOST = 65_536


class _Closing(NamedTuple):
    connection: socket.socket
    until: float


class Lingering:
    """Drains connections until their client closes too, for two seconds at most (RFC 9112 section 9.6).

    Closed with bytes unread, a connection is reset, and the client may lose the answer. gunicorn drains too, but in
    its main loop, one connection after the other: measured, 40 clients that never close stopped both workers for so
    long that the master killed them.
    """

    def __init__(self) -> None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._room = threading.Semaphore(_AT_MOST if files < 0 else min(_AT_MOST, files // _SHARE_OF_FILES))
        self._taken: queue.SimpleQueue[_Closing] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._started = False

    def take(self, connection: socket.socket) -> None:
        """Close the connection soon, or at once if its client has, or if too many are waiting.

        It is no longer the caller's.
        """
        connection.setblocking(False)
        if _has_closed(connection) or not self._room.acquire(blocking=False):
            connection.close()
            return
        self._start()
        self._taken.put(_Closing(connection, time.monotonic() + _SECONDS))

    def _start(self) -> None:
        # With the first connection: threads do not survive the fork, before which a worker is made.
        with self._starting:
            if not self._started:
                self._started = True
                threading.Thread(target=self._run, name="lingering", daemon=True).start()

    def _run(self) -> None:
        while True:
            # Idle until there is something to close.
            closing = [self._taken.get()]
            while closing:
                time.sleep(_LOOK_EVERY_SECONDS)
                while not self._taken.empty():
                    closing.append(self._taken.get())
                closing = [each for each in closing if not self._ended(each)]

    def _ended(self, closing: _Closing) -> bool:
        if time.monotonic() < closing.until and _still_open(closing.connection):
            return False
        closing.connection.close()
        self._room.release()
        return True


def _has_closed(connection: socket.socket) -> bool:
    """Whether the client has said that no more will come, and nothing is left to read."""
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _still_open(connection: socket.socket) -> bool:
    """Throw away what has come; whether the client may send more, and has not sent too much."""
    try:
        return 0 < len(connection.recv(_DRAINED_AT_MOST)) < _DRAINED_AT_MOST
    except BlockingIOError:
        return True
    except OSError:
        return False
