"""Closes connections after their last answer, without a thread that waits for the client."""

import os
import queue
import resource
import select
import socket
import threading
import time
from contextlib import suppress

from inventory.resilience.counter import LocalCounter

_SECONDS = 2.0
_AT_MOST = 128
# They no longer count as connections, but are still open files.
_SHARE_OF_FILES = 8
_DRAINED_AT_MOST = 1_048_576
"""As long as the longest body that the service accepts: a client that sends all of it first still gets its answer."""
_AT_ONCE = 65_536
_GATHER_SECONDS = 0.005
"""How long the thread waits for more events after the first, so that clients without keep-alive wake it rarely."""


class _Closing:
    __slots__ = ("connection", "left", "until")

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.left = _DRAINED_AT_MOST
        self.until = time.monotonic() + _SECONDS


class Closer:
    """Reads and discards what clients still send, until each closes too (RFC 9112 section 9.6).

    At most two seconds and 1 MiB: if a connection is closed with unread bytes, the kernel resets it, and the client may
    lose the answer. gunicorn also drains, but in its main loop, one connection after the other: measured, 40 clients
    that never close blocked both workers for so long that the master killed them.

    :ivar cut: connections that the server closed first: a limit was reached, or there were too many.
    """

    def __init__(self) -> None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.cut = LocalCounter()
        self._most = _AT_MOST if files < 0 else min(_AT_MOST, files // _SHARE_OF_FILES)
        # The rest is for those that the thread has not seen yet.
        self._waits_for = self._most - self._most // 8
        self._open, self._counting = 0, threading.Lock()
        self._taken: queue.SimpleQueue[_Closing] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._epoll: select.epoll | None = None
        self._wake = -1
        # Discarded bytes are not even copied, but the system call needs a buffer.
        self._discarded = bytearray(_AT_ONCE)

    def take(self, connection: socket.socket) -> None:
        """Close the connection soon, or at once if its client has closed; the caller must not use it any more.

        If too many are waiting, the one that has waited longest is closed first: a client with many open connections
        takes time from others, but not their answers.
        """
        connection.setblocking(False)
        if _has_closed(connection):
            connection.close()
            return
        with self._counting:
            self._open += 1
            now_open = self._open
        if now_open > self._most or not self._watch(connection):
            self._end(connection, is_cut=True)
            return
        # Last: once it is in the queue, the thread may close it.
        self._taken.put(_Closing(connection))
        if now_open > self._waits_for:
            os.eventfd_write(self._wake, 1)

    def _watch(self, connection: socket.socket) -> bool:
        """Have the thread watch the connection; ``False`` if there is no thread, or no free descriptor."""
        try:
            self._started().register(connection.fileno(), select.EPOLLIN)
        except (OSError, RuntimeError):
            return False
        return True

    def _started(self) -> select.epoll:
        # With the first connection: the worker is created before the fork, which threads do not survive.
        with self._starting:
            if self._epoll is None:
                epoll, wake = select.epoll(), os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
                # One event for each write.
                epoll.register(wake, select.EPOLLIN | select.EPOLLET)
                try:
                    threading.Thread(target=self._run, args=(epoll,), name="closing", daemon=True).start()
                except RuntimeError:
                    epoll.close()
                    os.close(wake)
                    raise
                self._epoll, self._wake = epoll, wake
            return self._epoll

    def _run(self, epoll: select.epoll) -> None:
        while True:
            # Sleep until there is something to close.
            first = self._taken.get()
            # By descriptor, in the order of their deadlines.
            closing = {first.connection.fileno(): first}
            while closing:
                oldest = next(iter(closing.values()))
                if epoll.poll(max(0.0, oldest.until - time.monotonic())):
                    time.sleep(_GATHER_SECONDS)
                events = epoll.poll(0.0)
                while not self._taken.empty():
                    taken = self._taken.get()
                    closing[taken.connection.fileno()] = taken
                for descriptor, _ in events:
                    # A connection that is not in the queue yet gets its event again.
                    if descriptor in closing:
                        self._look_at(descriptor, closing)
                now = time.monotonic()
                for descriptor, each in list(closing.items()):
                    if each.until > now and len(closing) <= self._waits_for:
                        break
                    del closing[descriptor]
                    self._end(each.connection, is_cut=True)

    def _look_at(self, descriptor: int, closing: dict[int, _Closing]) -> None:
        each = closing[descriptor]
        if self._discard(each):
            return
        del closing[descriptor]
        self._end(each.connection, is_cut=each.left < 0)

    def _discard(self, closing: _Closing) -> bool:
        """Discard what has arrived; return whether the client may send more."""
        try:
            while count := closing.connection.recv_into(self._discarded, _AT_ONCE, socket.MSG_TRUNC):
                closing.left -= count
                if closing.left < 0:
                    return False
        except BlockingIOError:
            return True
        except OSError:
            # The client has reset the connection.
            return False
        return False

    def _end(self, connection: socket.socket, is_cut: bool) -> None:
        connection.close()
        with self._counting:
            self._open -= 1
        if is_cut:
            self.cut()


def has_sent_nothing(connection: socket.socket) -> bool:
    """Whether there are no unread bytes, and the client has not closed."""
    try:
        connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def shut(connection: socket.socket, how: int) -> None:
    """See ``socket.shutdown``; ignore a connection that is already gone."""
    with suppress(OSError):
        connection.shutdown(how)


def _has_closed(connection: socket.socket) -> bool:
    """Whether the client has closed its side, and there is nothing more to read."""
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
