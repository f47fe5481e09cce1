"""Measured figures and the bounds that they must keep."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Bound:
    """One line of a verdict. ``limit`` may be reached: as a greatest value, or as a least one with ``at_least``."""

    what: str
    measured: float
    limit: float
    unit: str = ""
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the service keeps it. What could not be measured (not a number) does not."""
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        name = "atLeast" if self.at_least else "atMost"
        return {"what": self.what, "measured": self.measured, name: self.limit, "unit": self.unit, "met": self.is_met}


def table(bounds: Sequence[Bound]) -> str:
    """One line for each bound, and whether it is met."""
    width = max(len(bound.what) for bound in bounds)
    lines = [f"{'':{width}}  {'measured':>14}  {'bound':>14}"]
    for bound in bounds:
        sign = "≥" if bound.at_least else "≤"
        measured, limit = _figure(bound.measured, bound.unit), f"{sign} {_figure(bound.limit, bound.unit)}"
        lines.append(f"{bound.what:{width}}  {measured:>14}  {limit:>14}  {'ok' if bound.is_met else 'NOT MET'}")
    return "\n".join(lines)


def _figure(value: float, unit: str) -> str:
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
    return f"{text} {unit}".rstrip()
