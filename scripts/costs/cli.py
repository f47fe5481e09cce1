"""The command line of the cost measurements."""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.machine import describe
from bench.server import CHECKOUT, ServerBroken
from bench.versus import commit_of, other_checkout

from costs.figures import FIGURES, Figure

_NAMES = tuple(figure.name for figure in FIGURES)
Found = dict[str, dict[str, dict[str, float]]]
"""By figure and side (``this``, ``other``): what was found."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure. The status is 1 if something could not be measured, 130 if it was stopped."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    found: Found = {}
    try:
        sides = {"this": CHECKOUT} | ({} if options.versus is None else {"other": other_checkout(options.versus)})
        for figure in FIGURES:
            if figure.name in options.figures:
                found[figure.name] = {side: _measured(figure, side, checkout) for side, checkout in sides.items()}
                print(_table(figure, found[figure.name]), flush=True)
        if options.json is not None:
            options.json.write_text(json.dumps(_told(sides, found), indent=1) + "\n")
    except KeyboardInterrupt:
        _say("\nstopped; the servers are stopped too")
        return 130
    except (ServerBroken, OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
        _say(f"costs: {error}")
        return 1
    return 0


def _measured(figure: Figure, side: str, checkout: Path) -> dict[str, float]:
    _say(f"{figure.name}, {side} …")
    with tempfile.TemporaryDirectory(prefix="costs-") as folder:
        return figure.measure(checkout, Path(folder))


def _told(sides: Mapping[str, Path], found: Found) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="costs-") as folder:
        machine = describe(Path(folder))
    return {
        "machine": machine,
        "commits": {side: commit_of(checkout) for side, checkout in sides.items()},
        "figures": found,
    }


def _table(figure: Figure, found: Mapping[str, Mapping[str, float]]) -> str:
    rows = [f"\n{figure.name}: {figure.what}"]
    names = dict.fromkeys(name for side in found.values() for name in side)
    rows.append(f"  {'':38}" + "".join(f"{side:>14}" for side in found))
    rows += [f"  {name:38}" + "".join(f"{side[name]:>14,.4g}" for side in found.values()) for name in names]
    return "\n".join(rows)


def _parser() -> argparse.ArgumentParser:
    what = "\n".join(f"{figure.name:16}{figure.what}" for figure in FIGURES)
    parser = argparse.ArgumentParser(
        prog="costs.py",
        description=f"Measure what a client can make the service spend. Wants a machine for itself.\n\n{what}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("figures", nargs="*", type=_figure, default=_NAMES, help="which ones (all)")
    parser.add_argument("--versus", type=Path, metavar="CHECKOUT", help="measure another checkout too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file, too")
    return parser


def _figure(name: str) -> str:
    if name not in _NAMES:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(_NAMES)}")
    return name


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
