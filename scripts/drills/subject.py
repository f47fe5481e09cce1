"""The server under test: started, stocked, asked, and checked at the end against what it has confirmed."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.check import the_api_confirms, the_log_is_whole
from bench.driving import drive_with_our_own
from bench.load import Answers, Load, Plan
from bench.procfs import resident_bytes
from bench.server import Server, ServerBroken, running
from bench.traffic import Traffic, adjusting

_SERVICE = "inventory.web.wsgi:app"
_SEED_CONNECTIONS = 4
NONE = Answers(0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a drill runs under."""

    seconds: float
    rounds: int
    connections: int
    workers: int
    threads: int
    skus: int
    folder: Path
    warmup_seconds: float = 1.0


@dataclass(slots=True)
class Subject:
    """A running server. :ivar loads: all that was asked of it, for the check at the end."""

    server: Server
    traffic: Traffic
    loads: list[Load] = field(default_factory=list)

    def plan(self, conditions: Conditions, connections: int, *, evenly: bool = True, seed: int = 0) -> Plan:
        """Adjusts without pause on so many connections."""
        return Plan(
            self.server.port,
            self.traffic.requests,
            connections,
            conditions.warmup_seconds,
            conditions.seconds,
            seed=seed,
            pids=self.server.workers,
            evenly=evenly,
        )

    def memory(self) -> float:
        """What its workers hold, in MiB."""
        return sum(resident_bytes(self.server.workers)) / 2**20

    def contradictions(self) -> list[str]:
        """What it says, or its log, against what it has confirmed."""
        asked = (self.server.port, self.server.data_dir, self.traffic, self.loads)
        return [*the_api_confirms(*asked), *the_log_is_whole(*asked)]


@contextmanager
def subject(conditions: Conditions, environment: Mapping[str, str]) -> Iterator[Subject]:
    """Serve with these settings, all others at their defaults, for the ``with`` block; in a folder of its own.

    :raises ServerBroken: it does not come up, or cannot be stocked.
    """
    settings = {"THREADS": str(conditions.threads), **environment}
    with (
        tempfile.TemporaryDirectory(prefix="drill-", dir=conditions.folder) as folder,
        running(_SERVICE, settings, Path(folder), conditions.workers) as server,
    ):
        traffic = adjusting(conditions.skus)
        seeding = drive_with_our_own(Plan(server.port, traffic.seed, _SEED_CONNECTIONS, 0, 0, once=True))
        if seeding.errors:
            raise ServerBroken(f"could not be stocked: {seeding.errors}")
        yield Subject(server, traffic)


def accepted(load: Load) -> Answers:
    """The changes that were carried out."""
    return load.by_status.get("200", NONE)


def goodput(load: Load) -> float:
    """Changes that were carried out, a second."""
    return accepted(load).count / load.seconds
