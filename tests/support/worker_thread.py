"""The worker in this process, in a thread, and what its clients do."""

import logging
import os
import selectors
import signal
import socket
import threading

from gunicorn.config import Config
from gunicorn.sock import TCPSocket

from inventory.server.worker import InventoryWorker

PATIENCE = 20
FOR_EVER = 600
WHOLE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Log(logging.LoggerAdapter[logging.Logger]):
    """As gunicorn's, which logs accesses too."""

    def access(self, *_: object) -> None:
        """Log nothing."""


class Running:
    """One worker in this process, in a thread; its app answers when it may."""

    def __init__(self) -> None:
        self.at_work, self.may_answer = threading.Event(), threading.Event()
        self.config = Config()
        self.config.set("threads", 2)
        self.config.set("keepalive", FOR_EVER)
        self.config.set("graceful_timeout", FOR_EVER)
        log = Log(logging.getLogger("test.gunicorn"))
        self.listener = TCPSocket(("127.0.0.1", 0), self.config, log)
        self.address = self.listener.getsockname()
        config, listeners = self.config, [self.listener]
        self.worker = InventoryWorker(1, os.getppid(), listeners, None, FOR_EVER, config, log)
        self.worker.tpool, self.worker.poller = self.worker.get_thread_pool(), selectors.DefaultSelector()
        self.worker.method_queue.init()
        self.worker.wsgi = self._app
        self._thread = threading.Thread(target=self.worker.run, daemon=True)
        self._clients: list[socket.socket] = []

    def start(self) -> None:
        self.worker.booted = True
        self._thread.start()

    def tell_to_end(self) -> None:
        self.worker.handle_exit(signal.SIGTERM, None)

    def ends(self) -> bool:
        self._thread.join(PATIENCE)
        return not self._thread.is_alive()

    def client(self, sends: bytes = b"") -> socket.socket:
        client = socket.create_connection(self.address, PATIENCE)
        self._clients.append(client)
        client.sendall(sends)
        return client

    def refuses(self) -> bool:
        try:
            socket.create_connection(self.address, PATIENCE).close()
        except ConnectionError:
            return True
        return False

    def close(self) -> None:
        self.may_answer.set()
        self.config.set("graceful_timeout", 0)
        self.worker.alive = False
        for client in self._clients:
            client.close()
        if self._thread.ident is not None:
            self._thread.join(PATIENCE)
        self.listener.close()
        self.worker.tmp.close()

    def _app(self, environ, start_response):
        self.at_work.set()
        assert self.may_answer.wait(PATIENCE)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]


def answer(client: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\nok" not in received:
        part = client.recv(1000)
        assert part, received
        received += part
    return received
