"""The runs: in each round every contestant once, so that what the machine does meanwhile meets all alike."""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.contestants import Contestant
from bench.driving import Drive, drive_with_our_own
from bench.load import Load, Plan
from bench.procfs import children
from bench.server import running, wait_until_answering

_SEED_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is the same for all."""

    seconds: float
    warmup_seconds: float
    rounds: int
    connections: int
    workers: int
    threads: int
    skus: int
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """The settings of every server; those that are not named have their defaults."""
        # One client asks for everything here: a limit for each client would be all that is measured.
        return {"THREADS": str(self.threads), "RATE_LIMIT_RPS": "0", **self.settings}


@dataclass(frozen=True, slots=True)
class Run:
    """One contestant in one round. ``problems`` names what was wrong; then the figures count for nothing."""

    contestant: str
    round: int
    load: Load
    problems: list[str]

    @property
    def processor_us(self) -> float:
        """Processor time for one request in microseconds: of the workers, and of a database server beside them."""
        return self.load.server_seconds * 1e6 / self.load.requests if self.load.requests else 0.0

    def as_json(self) -> dict[str, Any]:
        """Everything but the counts of each single request."""
        load = asdict(self.load)
        load.pop("confirmed")
        figures = {"rate": self.load.rate, "processorMicroseconds": self.processor_us}
        return {"contestant": self.contestant, "round": self.round, **figures, **load, "problems": self.problems}


def run_all(
    contestants: Sequence[Contestant], conditions: Conditions, drive: Drive, report: Callable[[Run], None]
) -> list[Run]:
    """Run every round. :param report: told of each run when it ends."""
    runs = []
    for number in range(conditions.rounds):
        for contestant in contestants:
            run = run_once(contestant, number, conditions, drive)
            report(run)
            runs.append(run)
    return runs


def run_once(contestant: Contestant, number: int, conditions: Conditions, drive: Drive) -> Run:
    """Start the contestant in a fresh folder, seed it, drive it, check it, stop it, delete the folder."""
    traffic = contestant.traffic(conditions.skus)
    folder = Path(tempfile.mkdtemp(prefix=f"bench-{contestant.name}-", dir=conditions.folder))
    own: Mapping[str, str] = {**conditions.environment(), **contestant.environment}
    problems: list[str] = []
    try:
        with (
            contestant.backing(folder) as backing,
            running(contestant.app, {**own, **backing.environment}, folder, conditions.workers) as server,
        ):
            wait_until_answering(server, traffic.probe)
            if traffic.seed:
                seeding = drive_with_our_own(Plan(server.port, traffic.seed, _SEED_CONNECTIONS, 0, 0, once=True))
                problems.extend(_errors(seeding, "seeding: "))
            plan = Plan(
                server.port,
                traffic.requests,
                conditions.connections,
                conditions.warmup_seconds,
                conditions.seconds,
                seed=number,
                pids=server.workers,
                beside=[] if backing.master is None else [backing.master, *children(backing.master)],
            )
            load = drive(plan)
            problems.extend(_errors(load))
            for check in contestant.checks:
                problems.extend(check(server.port, server.data_dir, traffic, [load]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not load.requests:
        problems.append("nothing was answered")
    return Run(contestant.name, number, load, problems)


def _errors(load: Load, where: str = "") -> list[str]:
    return [f"{where}{count} × {kind}" for kind, count in load.errors.items()]
