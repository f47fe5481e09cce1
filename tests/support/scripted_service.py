"""A service that does what a test says: one step of a script for each request, the last one for all further ones."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

DROP = object()
"""Take the request and close the connection without an answer."""


class Reply(NamedTuple):
    status: int = 200
    body: Any = {"status": "ok"}  # noqa: RUF012
    headers: tuple[tuple[str, str], ...] = ()


class Request(NamedTuple):
    method: str
    path: str
    key: str | None
    body: bytes


class ScriptedService:
    """Listens on 127.0.0.1 from ``__enter__`` to ``__exit__``; ``requests`` is what it was asked."""

    def __init__(self, *script: Any) -> None:
        self.requests: list[Request] = []
        self._script = list(script)
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                service._answer(self)

            do_GET = do_PUT = do_POST = answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "ScriptedService":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.requests.append(Request(handler.command, handler.path, handler.headers.get("Idempotency-Key"), body))
        step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if step is DROP:
            handler.close_connection = True
            return
        data = step.body if isinstance(step.body, bytes) else json.dumps(step.body).encode()
        handler.send_response(step.status)
        for name, value in (*step.headers, ("Content-Length", str(len(data)))):
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)
