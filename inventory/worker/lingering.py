"""Closing connections whose last answer has been sent, with nobody waiting for the client."""

import queue
import resource
import select
import socket
import threading
import time

from inventory.resilience.tally import Tally

_SECONDS = 2.0
_AT_MOST = 128
# They count as closed for whoever bounds the connections, and are open files all the same.
_SHARE_OF_FILES = 8
_DRAINED_AT_MOST = 1_048_576
"""As long as the longest body that the service takes: a client that sends all of it first still gets its answer."""
_AT_ONCE = 65_536


class _Closing:
    __slots__ = ("connection", "left", "until")

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.left = _DRAINED_AT_MOST
        self.until = time.monotonic() + _SECONDS


class Lingering:
    """Reads and discards what clients still send, until each closes too (RFC 9112 section 9.6).

    For two seconds and 1 MiB at most: closed with bytes unread, a connection is reset, and the client may lose the
    answer. gunicorn drains too, but in its main loop, one connection after the other: measured, 40 clients that never
    close stopped both workers for so long that the master killed them.

    :ivar cut: connections that were closed before their client had closed: a bound was reached, or there was no room.
    """

    def __init__(self) -> None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.cut = Tally()
        self._room = threading.Semaphore(_AT_MOST if files < 0 else min(_AT_MOST, files // _SHARE_OF_FILES))
        self._taken: queue.SimpleQueue[_Closing] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._epoll: select.epoll | None = None
        # What is discarded is not even copied, but the system call wants a place for it.
        self._discarded = bytearray(_AT_ONCE)

    def take(self, connection: socket.socket) -> None:
        """Close the connection soon, or at once if its client has, or if too many are waiting.

        It is no longer the caller's.
        """
        connection.setblocking(False)
        if _has_closed(connection):
            connection.close()
        elif not self._room.acquire(blocking=False):
            self._cut(connection)
        else:
            try:
                epoll = self._started()
            except (OSError, RuntimeError):
                # There is no descriptor, or no thread, to be had.
                self._cut(connection)
                self._room.release()
                return
            closing = _Closing(connection)
            # In this order: once it is in the queue, the thread may close it.
            epoll.register(connection.fileno(), select.EPOLLIN)
            self._taken.put(closing)

    def _started(self) -> select.epoll:
        # With the first connection: threads do not survive the fork, before which a worker is made.
        with self._starting:
            if self._epoll is None:
                epoll = select.epoll()
                threading.Thread(target=self._run, args=(epoll,), name="lingering", daemon=True).start()
                self._epoll = epoll
            return self._epoll

    def _run(self, epoll: select.epoll) -> None:
        while True:
            # Idle until there is something to close.
            first = self._taken.get()
            # By descriptor, in the order of their deadlines.
            closing = {first.connection.fileno(): first}
            while closing:
                oldest = next(iter(closing.values()))
                events = epoll.poll(max(0.0, oldest.until - time.monotonic()))
                while not self._taken.empty():
                    taken = self._taken.get()
                    closing[taken.connection.fileno()] = taken
                for descriptor, _ in events:
                    # One that is not in the queue yet has its event again.
                    if descriptor in closing:
                        self._look_at(descriptor, closing)
                now = time.monotonic()
                for descriptor, each in list(closing.items()):
                    if each.until > now:
                        break
                    del closing[descriptor]
                    self._cut(each.connection)
                    self._room.release()

    def _look_at(self, descriptor: int, closing: dict[int, _Closing]) -> None:
        each = closing[descriptor]
        if self._discard(each):
            return
        del closing[descriptor]
        if each.left < 0:
            self._cut(each.connection)
        else:
            each.connection.close()
        self._room.release()

    def _discard(self, closing: _Closing) -> bool:
        """Throw away what has come; whether the client may send more."""
        try:
            while count := closing.connection.recv_into(self._discarded, _AT_ONCE, socket.MSG_TRUNC):
                closing.left -= count
                if closing.left < 0:
                    return False
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def _cut(self, connection: socket.socket) -> None:
        connection.close()
        self.cut()


def _has_closed(connection: socket.socket) -> bool:
    """Whether the client has said that no more will come, and nothing is left to read."""
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
