"""A request and the answer to it, whichever thread writes it and when."""

import time
from datetime import timedelta
from typing import Any

from gunicorn.http import wsgi  # type: ignore[import-untyped]

from inventory.worker.response import Response
from inventory.worker.unread_body import InvitedBody


class Exchange:
    """A request and the answer to it, from when the application was asked on.

    :ivar answering: what the application has returned.
    :ivar until: where that is deferred, when it is asked for whether it is settled or not, in monotonic seconds.
    """

    __slots__ = ("_begun", "_environ", "answered", "answering", "conn", "req", "resp", "until")

    def __init__(self, req: Any, conn: Any, cfg: Any) -> None:
        self._begun = time.monotonic()
        self.req, self.conn = req, conn
        if req._expected_100_continue:
            req._expected_100_continue = False
            req.body = InvitedBody(req.body.reader, conn.sock)
        self.resp, self._environ = wsgi.create(req, conn.sock, conn.client, conn.server, cfg, Response)
        self._environ["wsgi.multithread"] = True
        self.answering: Any = None
        self.answered = False
        self.until = 0.0

    def ask(self, app: Any) -> None:
        """Have the application begin its answer."""
        self.answering = app(self._environ, self.resp.start_response)

    def answer(self, worker: Any) -> bool:
        """Write the answer; returns whether the connection may be kept.

        :raises StopIteration: it broke off in the middle; as gunicorn has it.
        """
        try:
            for piece in self.answering:
                self.resp.write(piece)
            self.resp.close()
        except OSError:
            raise
        except Exception:
            if not self.resp.headers_sent:
                raise
            # Another answer now would be part of this one.
            worker.log.exception("Error handling request")
            raise StopIteration from None
        finally:
            took = timedelta(seconds=time.monotonic() - self._begun)
            worker.log.access(self.resp, self.req, self._environ, took)
            if hasattr(self.answering, "close"):
                self.answering.close()
            self._tell_the_hook(worker)
        return not self.resp.should_close()

    def _tell_the_hook(self, worker: Any) -> None:
        try:
            worker.cfg.post_request(worker, self.req, self._environ, self.resp)
        except Exception:
            worker.log.exception("Exception in post_request hook")
