"""Sends the answers that clients do not read at once, in one thread for all of them."""

import logging
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import TypeAlias

from inventory.resilience.bulkhead import ByteBudget
from inventory.server.client_socket import ClientSocket, Pace

Done: TypeAlias = Callable[[bool], object]
_RESET = struct.pack("ii", 1, 0)
_log = logging.getLogger(__name__)


class _Sending:
    """One answer. :ivar given: the bytes that the kernel had when the answer was taken over, and has got since."""

    __slots__ = ("connection", "descriptor", "done", "given", "pace")

    def __init__(self, connection: ClientSocket, pace: Pace, done: Done) -> None:
        self.connection, self.descriptor = connection, connection.fileno()
        self.pace, self.done = pace, done
        self.given = connection.untaken()


class Sender:
    """Sends the bytes that connections hold back, and gives up on clients that do not keep pace.

    :ivar budget: counts the waiting bytes. :ivar count_cut: called for each answer that is cut short.
    """

    def __init__(self, budget: ByteBudget, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.budget = budget
        self.count_cut: Callable[[], None] = lambda: None
        self._monotonic = monotonic
        self._taken: SimpleQueue[_Sending] = SimpleQueue()
        self._sending: dict[int, _Sending] = {}
        self._check_at = 0.0
        self._wake = -1
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_ending = False

    def take(self, connection: ClientSocket, done: Done) -> None:
        """Send the bytes that ``connection`` holds back; it belongs to the sender until ``done`` is called.

        :param done: called by any thread with whether all of it was sent. Must neither wait nor raise.
        """
        size = connection.held
        if not self.budget.take(size):
            self._cut(connection, "too many answers are waiting for their clients", done)
            return
        with self._guard:
            can_send = not self._is_ending and self._has_started()
            if can_send:
                pace = Pace(connection.patience, self._monotonic())
                self._taken.put(_Sending(connection, pace, done))
                os.eventfd_write(self._wake, 1)
        if not can_send:
            self.budget.give_back(size)
            self._cut(connection, "no thread could be started to send the rest", done)

    def finish(self, seconds: float) -> None:
        """Accept nothing more, and wait at most ``seconds`` for what is being sent; then give up the rest."""
        with self._guard:
            self._is_ending = True
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)
        if self._thread is not None:
            self._thread.join(seconds)

    def _has_started(self) -> bool:
        # With the first answer: the worker is created before the fork, which threads do not survive.
        if self._thread is None:
            self._epoll, self._wake = select.epoll(), os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            self._epoll.register(self._wake, select.EPOLLIN)
            thread = threading.Thread(target=self._run, name="sender", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                self._close()
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        try:
            while self._sending or not self._taken.empty() or not self._is_ending:
                self._one_round()
        finally:
            with self._guard:
                self._is_ending = True
                self._close()

    def _one_round(self) -> None:
        wait = max(0.0, self._check_at - self._monotonic()) if self._sending else None
        for descriptor, _ in self._epoll.poll(wait):
            if descriptor == self._wake:
                os.eventfd_read(self._wake)
            else:
                self._send(self._sending[descriptor])
        while not self._taken.empty():
            sending = self._taken.get()
            self._sending[sending.descriptor] = sending
            self._epoll.register(sending.descriptor, select.EPOLLOUT)
        now = self._monotonic()
        if now >= self._check_at:
            for sending in list(self._sending.values()):
                self._check(sending, now)
            self._check_at = now + min((one.pace.checked_every for one in self._sending.values()), default=0.0)

    def _send(self, sending: _Sending) -> None:
        try:
            sent = sending.connection.send_some()
        except OSError as error:
            self._drop(sending, str(error))
            return
        sending.given += sent
        self.budget.give_back(sent)
        if not sending.connection.held:
            self._let_go(sending)
            sending.done(True)

    def _check(self, sending: _Sending, now: float) -> None:
        try:
            taken = sending.given - sending.connection.untaken()
        except OSError as error:
            self._drop(sending, str(error))
            return
        if sending.pace.is_too_slow(taken, now):
            self._drop(sending, "the client reads too slowly")

    def _drop(self, sending: _Sending, reason: str) -> None:
        self._let_go(sending)
        self.budget.give_back(sending.connection.held)
        self._cut(sending.connection, reason, sending.done)

    def _let_go(self, sending: _Sending) -> None:
        del self._sending[sending.descriptor]
        self._epoll.unregister(sending.descriptor)

    def _cut(self, connection: ClientSocket, reason: str, done: Done) -> None:
        _log.warning("an answer was cut short: %s", reason)
        self.count_cut()
        connection.forget_held()
        with suppress(OSError):
            # The kernel must not send the rest that it has.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        done(False)

    def _close(self) -> None:
        self._epoll.close()
        os.close(self._wake)
        self._wake = -1
