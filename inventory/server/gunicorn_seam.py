"""Where the service reaches into gunicorn."""

from typing import Any


def cache_settings(cfg: Any) -> None:
    """Make gunicorn's settings plain attributes of ``cfg``; what is set from now on is not seen.

    gunicorn looks each of them up by name whenever it wants it, in two calls, some 20 times for each request. Measured:
    11 % of a change, more of a read (``docs/speed.md``).
    """
    vars(cfg).update({name: setting.get() for name, setting in cfg.settings.items()})
