"""The id of a request."""

import re
from typing import Any

from inventory.service.event_ids import random_octets

REQUEST_ID = "inventory.request_id"
"""The key of the WSGI environment under which it is kept."""

_GIVEN_ID = re.compile(r"[!-~]{1,128}", re.ASCII)


def request_id_of(environ: dict[str, Any]) -> str:
    """Return the id that the client gave, if it is 1 to 128 visible ASCII characters, or a new one."""
    given: str | None = environ.get("HTTP_X_REQUEST_ID")
    return given if given is not None and _GIVEN_ID.fullmatch(given) else random_octets().hex()
