"""The server under test: start it, stock it, send requests, and check it at the end against what it has confirmed."""

import json
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.check import the_api_confirms, the_log_is_whole
from bench.load import Answers, Load, Plan
from bench.made_log import make_log
from bench.procfs import resident_bytes
from bench.server import Server, running
from bench.traffic import Traffic, adjusting

_AT_ONCE = 500
_SERVICE = "inventory.web.wsgi:app"
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

    def metric(self, name: str) -> int:
        """One of the counters of ``GET /metrics``."""
        value: int = self.ask("/metrics")[name]
        return value

    def ask(self, path: str) -> dict[str, Any]:
        """What it answers to a GET, as JSON; for a refusal its problem. Waits for two minutes at most."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.server.port}{path}", timeout=120) as answer:
                body: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as refusal:
            body = json.load(refusal)
        return body

    def status_of(self, path: str) -> int:
        """The status of the answer to a GET, which is read to its end; of an audit that is not ``ok``, 500."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.server.port}{path}", timeout=120) as answer:
                body = answer.read()
                return 500 if body.startswith(b'{"ok":false') else int(answer.status)
        except urllib.error.HTTPError as refusal:
            return refusal.code

    def widen(self, sku: str, stores: int) -> None:
        """Make a SKU in so many stores."""
        for first in range(0, stores, _AT_ONCE):
            operations = [
                {"op": "count", "storeId": f"wide-{number:06d}", "sku": sku, "onHand": 5}
                for number in range(first, min(first + _AT_ONCE, stores))
            ]
            body = json.dumps({"atomic": True, "operations": operations}).encode()
            url = f"http://127.0.0.1:{self.server.port}/inventory/batch"
            request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=120) as answer:
                answer.read()

    def contradictions(self) -> list[str]:
        """What it says, or its log, against what it has confirmed."""
        asked = (self.server.port, self.server.data_dir, self.traffic, self.loads)
        return [*the_api_confirms(*asked), *the_log_is_whole(*asked)]


@contextmanager
def subject(conditions: Conditions, environment: Mapping[str, str]) -> Iterator[Subject]:
    """Serve with these settings, all others at their defaults, for the ``with`` block; in a folder of its own.

    :raises ServerBroken: it does not come up.
    """
    settings = {"THREADS": str(conditions.threads), **environment}
    traffic = adjusting(conditions.skus)
    with tempfile.TemporaryDirectory(prefix="drill-", dir=conditions.folder) as folder:
        # As many requests would take longer than the drill.
        make_log(Path(folder) / "data", conditions.skus, conditions.skus, traffic.deltas)
        with running(_SERVICE, settings, Path(folder), conditions.workers) as server:
            yield Subject(server, traffic)


def accepted(load: Load) -> Answers:
    """The changes that were carried out."""
    return load.by_status.get("200", NONE)


def goodput(load: Load) -> float:
    """Changes that were carried out, a second."""
    return accepted(load).count / load.seconds
