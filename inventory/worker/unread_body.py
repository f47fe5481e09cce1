"""The body of a request that is answered before the body was read to its end.

Such an answer says ``Connection: close``, unless the remaining bytes are there already: those are read and discarded,
and the connection may be kept. Where it says so, the main loop has ``Lingering`` read and discard what still comes. So
no answer is followed by bytes that could be taken for a request, or by a second answer.
"""

from typing import Any

from gunicorn.http.body import Body, LengthReader  # type: ignore[import-untyped]
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]

_AT_MOST = 65_536
_STEP = 16_384


class InvitedBody(Body):  # type: ignore[misc]
    """The body of a client that waits to be told to send it (RFC 9110 section 10.1.1).

    It is told when the application first reads. gunicorn tells it before the application is asked, which may refuse
    the request for its head alone.
    """

    def __init__(self, reader: Any, client: Any) -> None:
        super().__init__(reader)
        self._client = client

    @property
    def is_awaited(self) -> bool:
        """Whether the client may still be waiting."""
        return self._client is not None

    def _read_reader(self, size: int) -> Any:
        if self._client is not None:
            client, self._client = self._client, None
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return super()._read_reader(size)


def read_to_its_end(req: Any, sock: Any) -> bool:
    """Read the remaining bytes of a body as far as they are there; returns whether that was all of it.

    Waits for nothing. Up to 64 KiB are read; a body of which more remains counts as not read. So does one whose chunks
    are broken: where it ends is then unknown.
    """
    body = req.body
    reader = body.reader
    of_known_length = isinstance(reader, LengthReader)
    if of_known_length and not reader.length:
        return True
    if body.failed or (of_known_length and reader.length > _AT_MOST):
        return False
    if isinstance(body, InvitedBody) and body.is_awaited:
        return False
    sock.setblocking(False)
    try:
        for _ in range(_AT_MOST // _STEP + 1):
            if not body.read(_STEP):
                return True
    except (OSError, ParseException):
        # It has not come yet, or the client is gone, or the chunks are broken.
        return False
    finally:
        sock.setblocking(True)
    return False
