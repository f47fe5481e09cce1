"""nginx sends no change a second time, whichever connection breaks."""

import os
import signal
import socket
import threading

from support.client import Client, adjust, record_path, stock
from support.raw_http import PATH
from support.running_nginx import NEEDS_NGINX, Proxy
from support.running_server import RunningServer
from support.waiting import until

pytestmark = NEEDS_NGINX


class HangsUp:
    """A service that keeps its first connection after an answer, then reads whole requests and closes without one."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                while data := connection.recv(65536):
                    self.requests.append(data)
                    if len(self.requests) > 1:
                        break
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def test_a_change_whose_kept_connection_breaks_off_is_not_sent_a_second_time(proxy: Proxy):
    behind = HangsUp()
    # One process, so that the second request finds the connection that the first one has left.
    nginx = proxy(behind.port, {"worker_processes auto;": "worker_processes 1;"})
    with nginx.client() as client:
        first = client.get("/health")
        # By HTTP's rules a PUT may be repeated, and nginx would by itself; here it may be a second event.
        told = client.put(PATH, {"onHand": 1})
        assert client.get("/health").status == 503
    behind.close()
    assert (first.status, told.status, told.json["outcome"]) == (200, 503, "unknown")
    assert [request.split(b" ")[0] for request in behind.requests] == [b"GET", b"PUT", b"GET"]


def test_no_change_happens_twice_while_workers_are_killed_behind_the_proxy(server: RunningServer, proxy: Proxy):
    nginx = proxy(server.port)
    with nginx.client() as client:
        stock(client, "sku-1", 100_000)
    sent, answered = [0] * 4, [0] * 4

    def change(number: int) -> None:
        with Client(nginx.port) as client:
            while not done.is_set():
                sent[number] += 1
                # No key: nothing but the proxy's restraint keeps a change from happening twice.
                told = adjust(client, "sku-1", -1)
                answered[number] += told.status == 200
                assert told.status in (200, 503), told

    done = threading.Event()
    changing = [threading.Thread(target=change, args=(number,)) for number in range(4)]
    for thread in changing:
        thread.start()
    try:
        for _ in range(3):
            before = sum(answered)
            until("changes go on", lambda before=before: sum(answered) > before + 50)  # type: ignore[misc]
            worker = server.workers()[0]
            os.kill(worker, signal.SIGKILL)
            server.until_replaced(worker)
    finally:
        done.set()
        for thread in changing:
            thread.join(60)
    happened = 100_000 - server.get(record_path("sku-1"))["onHand"]
    assert sum(answered) <= happened <= sum(sent)
    assert happened - sum(answered) <= 3 * len(changing), "a kill cuts off one change of each connection at most"
