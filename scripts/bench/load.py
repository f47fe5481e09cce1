"""The plan that a driver gets, and the result that it returns."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Plan:
    """Closed-loop load: each connection sends its next request when it has the answer to the last one.

    :ivar requests: whole requests; each send takes one of them at random, or each once in turn if ``once``.
    :ivar pids: the workers, whose processor time is to be measured.
    :ivar beside: the processes that serve beside them, whose processor time counts, too.
    :ivar evenly: open connections again until each of ``pids`` has as many as the next; else as they come.
    :ivar pause_seconds: how long each connection rests after an answer before it sends the next request.
    """

    port: int
    requests: Sequence[bytes]
    connections: int
    warmup_seconds: float
    seconds: float
    seed: int = 0
    once: bool = False
    pids: Sequence[int] = ()
    beside: Sequence[int] = ()
    evenly: bool = True
    pause_seconds: float = 0.0

    @property
    def server_pids(self) -> Sequence[int]:
        """All processes that serve."""
        return [*self.pids, *self.beside]


@dataclass(frozen=True, slots=True)
class Answers:
    """How many answers of one kind came in the measured time, and how long they took in milliseconds."""

    count: int
    p50: float
    p95: float
    p99: float
    longest: float

    @classmethod
    def of(cls, nanoseconds: Sequence[int]) -> "Answers":
        """Sum up latencies, in any order."""
        ascending = sorted(nanoseconds)
        p50, p95, p99, longest = (percentile(ascending, share) / 1e6 for share in (0.5, 0.95, 0.99, 1.0))
        return cls(len(ascending), p50, p95, p99, longest)


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it. Figures are of the measured time; confirmations and errors of the warm-up too.

    :ivar latencies_ms: the 50th and 99th percentile, and the longest.
    :ivar errors: how many of each kind: an answer other than 2xx, a connection that broke, no answer.
    :ivar confirmed: how many 2xx answers each request got; ``None`` if the driver knows only their sum.
    :ivar unanswered: how many requests were sent and left without waiting for the answer.
    :ivar driver_share: processor time of the driver, as a share of one core.
    :ivar server_seconds: processor time of ``pids`` and of those ``beside`` them.
    :ivar connections_of: how many connections each of ``pids`` has accepted, where the driver looked.
    :ivar by_status: the same latencies, apart by status code, where the driver keeps them apart.
    """

    requests: int
    seconds: float
    latencies_ms: tuple[float, float, float]
    errors: dict[str, int]
    confirmed: list[int] | None
    confirmed_in_all: int
    unanswered: int
    driver_share: float
    server_seconds: float
    connections_of: list[int] = field(default_factory=list)
    by_status: dict[str, Answers] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds if self.seconds else 0.0


def percentile(ascending: Sequence[int], share: float) -> int:
    """The smallest of the values that at least ``share`` of them do not exceed (nearest rank); 0 for none."""
    if not ascending:
        return 0
    rank = -(-len(ascending) * round(share * 1000) // 1000)
    return ascending[max(1, rank) - 1]
