"""The stand-ins. A new one is an entry here, with its module."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from bench.stand_ins.stock import Backing


@dataclass(frozen=True, slots=True)
class StandIn:
    """What others would have built.

    :ivar app: the module whose ``create()`` makes the app.
    :ivar beside: the module whose ``backing(folder)`` makes and keeps up what the app needs.
    """

    name: str
    what: str
    app: str
    beside: str

    def missing(self) -> str | None:
        """Why it cannot be run here, or ``None``."""
        try:
            for module in (self.app, self.beside):
                import_module(module)
        except ImportError as error:
            what = f"{error.name} is not installed" if isinstance(error, ModuleNotFoundError) else str(error)
            return f"{what.strip().splitlines()[0]}; pip install -r requirements/bench.txt"
        return None

    def backing(self, folder: Path) -> AbstractContextManager[Backing]:
        """What it needs, in ``folder``, for the ``with`` block."""
        made: AbstractContextManager[Backing] = import_module(self.beside).backing(folder)
        return made


STAND_INS: Sequence[StandIn] = (
    StandIn(
        "postgresql",
        "Flask + PostgreSQL (pool, row lock, event row, one transaction)",
        "bench.stand_ins.postgresql",
        "bench.stand_ins.postgresql_server",
    ),
    StandIn(
        "sqlite",
        "Flask + SQLite (WAL, synchronous=FULL)",
        "bench.stand_ins.sqlite",
        "bench.stand_ins.sqlite",
    ),
    StandIn(
        "json",
        "Flask + a JSON file that every change rewrites",
        "bench.stand_ins.json_files",
        "bench.stand_ins.json_files",
    ),
)
