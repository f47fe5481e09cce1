"""The address that the server listens on: its notation, whether it is free, whether other hosts can reach it."""

import errno
import socket
import time
from collections.abc import Callable
from ipaddress import ip_address

_TRIES = 50
_PAUSE_SECONDS = 0.1


class AddressRefused(Exception):
    """The server cannot listen there; the message says why and what to do."""


def address(host: str, port: int) -> str:
    """Write host and port as gunicorn reads them: an IPv6 host in brackets, whether it had them or not."""
    host = host.removeprefix("[").removesuffix("]")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def url(host: str, port: int) -> str:
    """The page to open in a browser on this host."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing listens here
    return f"http://{address(anywhere.get(host, host), port)}/docs"


def is_loopback(host: str) -> bool:
    """Whether only programs on this host can reach ``host``. A name other than localhost counts as open."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def wait_until_free(
    host: str, port: int, *, report: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
) -> None:
    """Return when the port is free; a server that is just ending gets 5 s to release it.

    :param report: called once if it has to wait.
    :raises AddressRefused: the port is still in use, or cannot be used at all.
    """
    for left in reversed(range(_TRIES)):
        try:
            return _try_bind(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                reason = f"cannot listen on {address(host, port)}: {error.strerror or error}; check HOST and PORT"
                raise AddressRefused(reason) from error
            if not left:
                reason = f"{address(host, port)} is in use by another program; stop that one, or set another PORT"
                raise AddressRefused(reason) from error
            if left == _TRIES - 1:
                report(f"{address(host, port)} is in use; waiting up to 5 s for it")
        sleep(_PAUSE_SECONDS)
    return None


def _try_bind(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As in gunicorn: closing connections of an earlier server do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
