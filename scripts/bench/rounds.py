"""The runs: all servers are up, and each round drives each of them briefly, so that changes of the machine meet all."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from bench.contestants import Contestant
from bench.driving import Drive, drive_with_our_own
from bench.load import Load, Plan
from bench.procfs import children
from bench.server import Server, ServerBroken, running, wait_until_answering
from bench.traffic import Traffic

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


class Standing:
    """A contestant whose server is up and has its stock."""

    def __init__(self, contestant: Contestant, server: Server, beside: Sequence[int], traffic: Traffic) -> None:
        """:param beside: the processes of a database server, whose processor time counts too."""
        self._contestant = contestant
        self._server = server
        self._beside = beside
        self._traffic = traffic
        self._loads: list[Load] = []

    def drive(self, number: int, conditions: Conditions, drive: Drive) -> Run:
        """Drive it for one round; what went wrong with single requests is among the run's problems."""
        load = drive(
            Plan(
                self._server.port,
                self._traffic.requests,
                conditions.connections,
                conditions.warmup_seconds,
                conditions.seconds,
                seed=number,
                pids=self._server.workers,
                beside=self._beside,
            )
        )
        self._loads.append(load)
        problems = _errors(load)
        if not load.requests:
            problems.append("nothing was answered")
        return Run(self._contestant.name, number, load, problems)

    def checked(self, run: Run) -> Run:
        """Return its latest run with what is wrong by now, measured against everything that it has ever confirmed."""
        problems = list(run.problems)
        for check in self._contestant.checks:
            problems.extend(check(self._server.port, self._server.data_dir, self._traffic, self._loads))
        return replace(run, problems=problems)


def run_all(
    contestants: Sequence[Contestant], conditions: Conditions, drive: Drive, report: Callable[[Run], None]
) -> list[Run]:
    """Start them all, and run every round, each in an order of its own that is drawn from its number.

    So those that are compared are driven in the same round, neighbours within seconds: a machine changes its speed. A
    round is checked when all have been driven, or the checks would stand between them.

    :param report: told of each run when it ends, before it is checked.
    :return: round by round, in the contestants' order.
    """
    runs: list[Run] = []
    with ExitStack() as stack:
        all_standing = [stack.enter_context(standing(contestant, conditions)) for contestant in contestants]
        for number in range(conditions.rounds):
            driven = {}
            # Who always has the same place is measured otherwise: up to 5 % less, of the same program.
            for place in Random(number).sample(range(len(all_standing)), len(all_standing)):
                driven[place] = all_standing[place].drive(number, conditions, drive)
                report(driven[place])
            runs.extend(all_standing[place].checked(driven[place]) for place in sorted(driven))
    return runs


@contextmanager
def standing(contestant: Contestant, conditions: Conditions) -> Iterator[Standing]:
    """Start the contestant in a fresh folder and seed it; stop it in the end and delete the folder.

    :raises ServerBroken: it does not come up, or does not take its stock.
    """
    traffic = contestant.traffic(conditions.skus)
    folder = Path(tempfile.mkdtemp(prefix=f"bench-{contestant.name}-", dir=conditions.folder))
    own: Mapping[str, str] = {**conditions.environment(), **contestant.environment}
    try:
        with (
            contestant.backing(folder) as backing,
            running(
                contestant.app,
                {**own, **backing.environment},
                folder,
                conditions.workers,
                checkout=contestant.checkout,
            ) as server,
        ):
            wait_until_answering(server, traffic.probe)
            if traffic.seed:
                seeding = drive_with_our_own(Plan(server.port, traffic.seed, _SEED_CONNECTIONS, 0, 0, once=True))
                if seeding.errors:
                    raise ServerBroken(f"{contestant.name} did not take its stock: {'; '.join(_errors(seeding))}")
            beside = [] if backing.master is None else [backing.master, *children(backing.master)]
            yield Standing(contestant, server, beside, traffic)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _errors(load: Load) -> list[str]:
    return [f"{count} × {kind}" for kind, count in load.errors.items()]
