"""The arguments of gunicorn's own command that replace settings of the service."""

import os
import shlex
from typing import Any, NoReturn

from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.util import parse_address  # type: ignore[import-untyped]

_BY_ARGUMENT = {"workers": "WEB_CONCURRENCY", "threads": "THREADS", "worker_class": "WORKER_CLASS"}


def overrides(arguments: str) -> dict[str, Any]:
    """Return the values that ``arguments``, and GUNICORN_CMD_ARGS, give to settings, by the names of the settings.

    gunicorn puts both before its configuration file, and so before the settings. Only the first of several addresses
    is returned; a socket of Unix is a HOST without a PORT.

    :raises ValueError: gunicorn does not accept the arguments; says why.
    """
    parser = Config().parser()
    parser.error = _refuse
    words = [*shlex.split(os.environ.get("GUNICORN_CMD_ARGS", "")), *shlex.split(arguments)]
    given = vars(parser.parse_args(words))
    found = {setting: given[name] for name, setting in _BY_ARGUMENT.items() if given[name] is not None}
    for place in (given["bind"] or [])[:1]:
        try:
            address = parse_address(place)
        except RuntimeError as error:
            raise ValueError(f"--bind: {error}") from error
        found["HOST"], found["PORT"] = address if isinstance(address, tuple) else (place, None)
    return found


def _refuse(reason: str) -> NoReturn:
    raise ValueError(reason)
