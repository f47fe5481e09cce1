"""Which contestants run: all that can, or those that were named."""

from collections.abc import Sequence

from bench.contestants import CONTESTANTS, Contestant
from bench.stand_ins.entries import STAND_INS

NO_STAND_IN = "none"


def chosen(names: str | None = None, against: str | None = None) -> tuple[list[Contestant], dict[str, str]]:
    """The contestants, in the order of the table; and which stand-ins are left out for what reason.

    :param names: contestants in a list with commas; only these.
    :param against: stand-ins in such a list, to run beside the service and its yardsticks, or ``none``.

    Without either, the stand-ins that cannot run here are left out; one that was named is not.

    :raises ValueError: a name that no contestant has, or that of a contestant which cannot run here.
    """
    stand_ins = [stand_in.name for stand_in in STAND_INS]
    missing = {stand_in.name: why for stand_in in STAND_INS if (why := stand_in.missing()) is not None}
    if names is not None:
        wanted = _named(names, [contestant.name for contestant in CONTESTANTS], "contestant")
    else:
        others = _named(against, [*stand_ins, NO_STAND_IN], "stand-in") if against is not None else set(stand_ins)
        if against is None:
            others -= missing.keys()
        wanted = {one.name for one in CONTESTANTS if one.stand_in is None or one.stand_in in others}
    found = [contestant for contestant in CONTESTANTS if contestant.name in wanted]
    for contestant in found:
        if contestant.stand_in in missing:
            raise ValueError(f"{contestant.name} cannot run here: {missing[contestant.stand_in]}")
    return found, missing if names is None and against is None else {}


def _named(listed: str, known: Sequence[str], kind: str) -> set[str]:
    wanted = {name.strip() for name in listed.split(",")}
    unknown = sorted(wanted - set(known))
    if unknown:
        raise ValueError(f"no {kind} is called {', '.join(unknown)}; there are {', '.join(known)}")
    return wanted
