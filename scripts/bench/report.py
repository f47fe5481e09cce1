"""Medians, ratios and tables from the runs."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from bench.contestants import Target
from bench.rounds import Run


class Spread(NamedTuple):
    """A median, and the least and the greatest of what it was taken of."""

    median: float
    least: float
    greatest: float


class Ratio(NamedTuple):
    """How two contestants compare, round by round; by rate, and by processor time for a request."""

    target: Target
    rounds: int
    rate: Spread
    processor: float

    @property
    def is_reached(self) -> bool | None:
        """Whether the median is what the design wants; ``None`` where it wants nothing."""
        return None if self.target.at_least is None else self.rate.median >= self.target.at_least


def spread(values: Iterable[float]) -> Spread:
    """Sum up values, of which there is at least one."""
    found = list(values)
    return Spread(median(found), min(found), max(found))


def ratios(runs: Sequence[Run], targets: Sequence[Target]) -> list[Ratio]:
    """Divide within each round; a round in which either run is void gives no ratio."""
    valid = {(run.contestant, run.round): run for run in runs if not run.problems}
    found = []
    for target in targets:
        pairs = [
            (run, valid[target.to, number])
            for (name, number), run in valid.items()
            if name == target.of and (target.to, number) in valid
        ]
        if pairs:
            rate = spread(run.load.rate / other.load.rate for run, other in pairs)
            processor = median(other.processor_us / run.processor_us if run.processor_us else 0 for run, other in pairs)
            found.append(Ratio(target, len(pairs), rate, processor))
    return found


def table_of_runs(runs: Sequence[Run]) -> str:
    """One row for each contestant."""
    rows = [("contestant", "req/s", "min–max", "p50 ms", "p99 ms", "server µs/req", "driver", "runs", "check")]
    for name in dict.fromkeys(run.contestant for run in runs):
        mine = [run for run in runs if run.contestant == name]
        valid = [run for run in mine if not run.problems]
        verdict = "ok" if len(valid) == len(mine) else f"{len(mine) - len(valid)} VOID"
        if not valid:
            rows.append((name, "-", "-", "-", "-", "-", "-", f"0/{len(mine)}", verdict))
            continue
        rate = spread(run.load.rate for run in valid)
        p50, p99 = (median(run.load.latencies_ms[which] for run in valid) for which in (0, 1))
        processor = median(run.processor_us for run in valid)
        share = median(run.load.driver_share for run in valid)
        rows.append(
            (
                name,
                f"{rate.median:,.0f}",
                f"{rate.least:,.0f}–{rate.greatest:,.0f}",
                f"{p50:.1f}",
                f"{p99:.1f}",
                f"{processor:.0f}",
                f"{share:.0%}",
                f"{len(valid)}/{len(mine)}",
                verdict,
            )
        )
    return _aligned(rows)


def table_of_ratios(found: Sequence[Ratio]) -> str:
    """One row for each ratio."""
    rows = [("ratio", "target", "median", "min–max", "by CPU", "reached")]
    rows.extend(
        (
            f"{ratio.target.of} / {ratio.target.to}",
            "-" if ratio.target.at_least is None else f"≥ {ratio.target.at_least:.2f}",
            # 0.968 is not 0.97.
            f"{ratio.rate.median:.3f}",
            f"{ratio.rate.least:.2f}–{ratio.rate.greatest:.2f}",
            f"{ratio.processor:.2f}",
            {True: "yes", False: "no", None: "-"}[ratio.is_reached],
        )
        for ratio in found
    )
    return _aligned(rows)


def remarks(runs: Sequence[Run], driver: str) -> str:
    """How the figures came about, and what is doubtful in them."""
    share = max(run.load.driver_share for run in runs)
    lines = [f"Driver: {driver}, at most {share:.0%} of one core. 'by CPU': the ratio of processor time for a request."]
    lopsided = [run for run in runs if is_lopsided(run.load.connections_of)]
    if lopsided:
        worst = min(lopsided, key=lambda run: min(run.load.connections_of))
        shares = "/".join(map(str, worst.load.connections_of))
        advice = "" if driver == "own" else "; --driver own evens them out"
        lines.append(
            f"DOUBTFUL: in {len(lopsided)} of {len(runs)} runs the workers had unequal shares of the connections"
            f" (once {shares}){advice}."
        )
    return "\n".join(lines)


def is_lopsided(connections: Sequence[int]) -> bool:
    """Whether some worker has less than three quarters of its share."""
    return bool(connections) and min(connections) < 0.75 * sum(connections) / len(connections)


def as_json(
    machine: Mapping[str, Any],
    settings: Mapping[str, Any],
    runs: Sequence[Run],
    found: Sequence[Ratio],
    left_out: Mapping[str, str],
) -> Any:
    """All of it, for other programs. :param left_out: who could not run, and why."""
    return {
        "machine": machine,
        "settings": settings,
        "leftOut": left_out,
        "runs": [run.as_json() for run in runs],
        "ratios": [
            {
                "of": ratio.target.of,
                "to": ratio.target.to,
                "target": ratio.target.at_least,
                "rounds": ratio.rounds,
                **ratio.rate._asdict(),
                "byProcessorTime": ratio.processor,
                "reached": ratio.is_reached,
            }
            for ratio in found
        ],
    }


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
