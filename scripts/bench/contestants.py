"""Who is compared. One more is one more entry here, with its app and, if it keeps stock, its checks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from bench.check import Check, the_api_confirms, the_log_is_whole
from bench.traffic import Traffic, adjusting, adjusting_one, getting_from, posting_to, reading

_SERVICE = "inventory.web.wsgi:app"
_KEPT: tuple[Check, ...] = (the_api_confirms, the_log_is_whole)
# There is no service in it to be synced.
_BARE = {"SYNC_MODE": "off"}


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server and what is asked of it.

    :ivar app: what gunicorn is told to serve.
    :ivar traffic: makes the traffic, given the number of SKUs.
    :ivar checks: what must hold after each run; see ``check``.
    :ivar environment: settings that differ from those of all.
    """

    name: str
    what: str
    app: str
    traffic: Callable[[int], Traffic]
    checks: tuple[Check, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """A ratio of two rates that the design wants."""

    of: str
    to: str
    at_least: float


CONTESTANTS: Sequence[Contestant] = (
    Contestant("adjust", "durable adjust, spread over the SKUs", _SERVICE, adjusting, _KEPT),
    Contestant("hot", "durable adjust, all of one SKU", _SERVICE, adjusting_one, _KEPT),
    Contestant("empty", "empty view of the same app, POST", "bench.empty_app:app", partial(posting_to, "empty")),
    Contestant("bare", "bare Flask view, POST", "bench.bare_app:app", partial(posting_to, "bare"), (), _BARE),
    Contestant("read", "read of one record", _SERVICE, reading, _KEPT),
    Contestant("empty-get", "empty view of the same app, GET", "bench.empty_app:app", partial(getting_from, "empty")),
    Contestant("bare-get", "bare Flask view, GET", "bench.bare_app:app", partial(getting_from, "bare"), (), _BARE),
)

TARGETS: Sequence[Target] = (
    Target("adjust", "empty", 0.7),
    Target("adjust", "bare", 0.5),
    Target("hot", "adjust", 0.8),
    Target("read", "empty-get", 0.9),
    Target("read", "bare-get", 0.65),
)


def chosen(names: str | None) -> list[Contestant]:
    """The contestants named in a list with commas, in the order of the table; all of them for ``None``.

    :raises ValueError: a name that nobody has.
    """
    if names is None:
        return list(CONTESTANTS)
    wanted = {name.strip() for name in names.split(",")}
    unknown = wanted - {contestant.name for contestant in CONTESTANTS}
    if unknown:
        known = ", ".join(contestant.name for contestant in CONTESTANTS)
        raise ValueError(f"no contestant is called {', '.join(sorted(unknown))}; there are {known}")
    return [contestant for contestant in CONTESTANTS if contestant.name in wanted]
