"""The contestants. A new one is an entry here, with its app and, if it keeps stock, its checks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.check import Check, the_api_confirms, the_log_is_whole
from bench.server import CHECKOUT
from bench.stand_ins.entries import STAND_INS
from bench.stand_ins.stock import Backing
from bench.traffic import Traffic, adjusting, adjusting_one, getting_from, mixed, posting_to, reading

_SERVICE = "inventory.web.wsgi:app"
_KEPT: tuple[Check, ...] = (the_api_confirms, the_log_is_whole)
# There is no service in it to be synced.
_BARE = {"SYNC_MODE": "off"}


@contextmanager
def _nothing(_: Path) -> Iterator[Backing]:
    yield Backing()


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server and what is asked of it.

    :ivar app: what gunicorn is told to serve.
    :ivar traffic: makes the traffic, given the number of SKUs.
    :ivar checks: what must hold after each round; see ``check``.
    :ivar environment: settings that differ from those of all.
    :ivar backing: makes what must be there before the app starts.
    :ivar stand_in: which of those it is; ``None`` for the service and its yardsticks.
    :ivar checkout: whose packages its servers import.
    """

    name: str
    what: str
    app: str
    traffic: Callable[[int], Traffic]
    checks: tuple[Check, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    backing: Callable[[Path], AbstractContextManager[Backing]] = _nothing
    stand_in: str | None = None
    checkout: Path = CHECKOUT


@dataclass(frozen=True, slots=True)
class Target:
    """A ratio of two rates, and what the design wants it to be, if it says so."""

    of: str
    to: str
    at_least: float | None = None


def _standing_in(end: str, what: str, traffic: Callable[[int], Traffic]) -> list[Contestant]:
    return [
        Contestant(
            f"{other.name}{end}",
            f"{what}: {other.what}",
            f"{other.app}:create()",
            traffic,
            (the_api_confirms,),
            _BARE,
            other.backing,
            other.name,
        )
        for other in STAND_INS
    ]


CONTESTANTS: Sequence[Contestant] = (
    Contestant("adjust", "durable adjust, spread over the SKUs", _SERVICE, adjusting, _KEPT),
    Contestant("hot", "durable adjust, all of one SKU", _SERVICE, adjusting_one, _KEPT),
    Contestant("mixed", "four reads to one durable adjust", _SERVICE, mixed, _KEPT),
    Contestant("empty", "empty view of the same app, POST", "bench.empty_app:app", partial(posting_to, "empty")),
    Contestant("bare", "bare Flask view, POST", "bench.bare_app:app", partial(posting_to, "bare"), (), _BARE),
    *_standing_in("", "adjust", adjusting),
    Contestant("read", "read of one record", _SERVICE, reading, _KEPT),
    Contestant("empty-get", "empty view of the same app, GET", "bench.empty_app:app", partial(getting_from, "empty")),
    Contestant("bare-get", "bare Flask view, GET", "bench.bare_app:app", partial(getting_from, "bare"), (), _BARE),
    *_standing_in("-get", "read", reading),
)

TARGETS: Sequence[Target] = (
    Target("adjust", "empty", 0.7),
    Target("adjust", "bare", 0.5),
    Target("adjust", "postgresql", 3.0),
    Target("adjust", "sqlite", 3.0),
    Target("adjust", "json"),
    Target("hot", "adjust", 0.8),
    Target("read", "empty-get", 0.9),
    Target("read", "bare-get", 0.65),
    *(Target("read", f"{other.name}-get") for other in STAND_INS),
)
