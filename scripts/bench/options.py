"""The options of the command ``scripts/bench.py``."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bench.choice import NO_STAND_IN
from bench.contestants import CONTESTANTS
from bench.driving import CHOICES
from bench.stand_ins.entries import STAND_INS
from inventory.settings import setting_names

Number = TypeVar("Number", int, float)

_MOST = 1_000_000

_DESCRIPTION = """Measure the service beside yardsticks and stand-ins that run under the same gunicorn settings.

The servers of all contestants stand for the whole time, each in a fresh folder. Each round drives them
in turn, for a moment each, in an order of its own; ratios are taken within a round.
After each round the stock must be what was confirmed and the log must be valid, or the run is void.
The targets are those of the design; missing one is no failure. Wants a machine that does nothing else.
"""


def parser() -> argparse.ArgumentParser:
    """Return what knows them; ``--help`` names the contestants."""
    names = "\n".join(f"  {contestant.name:16}{contestant.what}" for contestant in CONTESTANTS)
    found = argparse.ArgumentParser(
        prog="bench.py",
        description=_DESCRIPTION,
        epilog=f"contestants:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("--seconds", type=_between(float, 0.1, 3600), help="measured time of a run (1)")
    found.add_argument(
        "--rounds", type=_between(int, 1, _MOST), help="how often each contestant runs (15; with --quick 1)"
    )
    found.add_argument("--connections", type=_between(int, 1, _MOST), default=64, help="kept-alive connections (64)")
    found.add_argument("--workers", type=_between(int, 1, _MOST), default=2, help="worker processes (2)")
    found.add_argument("--threads", type=_between(int, 1, _MOST), default=16, help="threads in each worker (16)")
    found.add_argument(
        "--skus", type=_between(int, 1, _MOST), default=1000, help="SKUs that the load is spread over (1000)"
    )
    found.add_argument(
        "--set", type=_setting, action="append", default=[], metavar="NAME=VALUE", help="a setting of every server"
    )
    who = found.add_mutually_exclusive_group()
    who.add_argument("--contestants", metavar="A,B", help="only these")
    others = ",".join(stand_in.name for stand_in in STAND_INS)
    who.add_argument(
        "--against",
        metavar="A,B",
        help=f"only these of the stand-ins, or {NO_STAND_IN} (those of {others} that can run)",
    )
    who.add_argument(
        "--versus",
        type=Path,
        metavar="CHECKOUT",
        help="adjust and read of this checkout, and of the one in that folder",
    )
    found.add_argument(
        "--driver", choices=CHOICES, default="auto", help="auto: wrk where it is installed, else own; --versus: own"
    )
    found.add_argument("--dir", type=Path, help="make the temporary data folders here, not among the temporary files")
    found.add_argument(
        "--sync-ms",
        type=_between(float, 0, 1000),
        default=0.0,
        help="make each sync so much longer, as on a slower disk (0)",
    )
    found.add_argument("--json", type=Path, metavar="FILE", help="write everything to a file, too")
    found.add_argument("--svg", type=Path, metavar="FILE", help="draw the rates: medians, with the least and most")
    found.add_argument("--quick", action="store_true", help="see whether it works; the figures mean little")
    return found


def _setting(text: str) -> tuple[str, str]:
    name, given, value = text.partition("=")
    if not given or name not in setting_names():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE with the name of a setting, such as PIN_WORKERS")
    return name, value


def _between(kind: Callable[[str], Number], low: float, high: float) -> Callable[[str], Number]:
    def number(text: str) -> Number:
        found = kind(text)
        if not low <= found <= high:
            raise argparse.ArgumentTypeError(f"must be between {low:,} and {high:,}")
        return found

    return number
