"""The power-cut drill: after each cut a server starts on what the disk had, and each confirmed change is there, once.

Each cut goes on with the disk that the one before has left: the log grows over all of them, is rotated, snapshot and
compacted. The machine boots in between: the server sees another boot id, so that it trusts no mark of before.

With ``follow``, a continuous copy is on a second disk, which is cut at the same moment. The copy must then be proven by
its manifest, be the beginning of the log, and hold each change that was confirmed before the moment of its position;
and its follower must go on after the boot.
"""

import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.check import the_log_is_whole
from bench.made_log import make_log
from bench.server import ServerBroken
from bench.slow_sync import compiled
from bench.traffic import adjusting

from drills import followed
from drills.after_cut import Findings, compare, logged, replay, settle, told_by
from drills.booted_server import Boot
from drills.bounds import Bound
from drills.loop_disk import LoopDisk, make_image, mounted, synced
from drills.workload import SKUS, Account, Clients, Connection

SETTINGS: Mapping[str, str] = {
    "RATE_LIMIT_RPS": "0",
    "WEB_CONCURRENCY": "2",
    "SEGMENT_BYTES": "16384",
    "SNAPSHOT_EVERY_N_EVENTS": "200",
    "SYNC_INTERVAL_MS": "100",
    # Long enough for every repetition here, and short enough that the log of the first cuts is compacted.
    "IDEMP_TTL_MS": "60000",
    "RESERVATION_KEEP_MS": "60000",
}
_AFTER: Mapping[str, str] = {**SETTINGS, "SYNC_MODE": "off"}
_NO_SYNC = Path(__file__).with_name("no_sync.c")
_CLIENTS = 8
_LOAD_SECONDS = (0.3, 2.0)
_IMAGE_MIB = 512
# Of so long ago that no key keeps it from the archive.
_PAST_EVENTS = 600


@dataclass(slots=True)
class Cut:
    """One cut. ``kinds`` are the changes confirmed since the cut before; ``copies`` until one was of one moment.

    :ivar start: why the server did not start, if it did not.
    """

    number: int
    load_seconds: float
    confirmed: int = 0
    under_way: int = 0
    copies: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, int] = field(default_factory=dict)
    start: str = ""
    findings: Findings = field(default_factory=Findings)

    @property
    def wrong(self) -> list[str]:
        """Everything that is wrong, the start first."""
        return [*([self.start] if self.start else []), *self.findings.all()]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


@dataclass(slots=True)
class _World:
    """A disk, and the account of all that a server on it has ever answered."""

    image: Path
    copy: Path | None
    account: Account = field(default_factory=Account)


def cuts(home: Path, many: int, seed: int, environment: Mapping[str, str], *, follow: bool = False) -> Iterator[Cut]:
    """Cut the power ``many`` times. After one that something is wrong with, the next begins with an empty disk.

    :param environment: for the servers under load beside their settings: what disables their syncs.
    :raises DiskBroken: no disk can be had.
    """
    chance, world = random.Random(seed), None
    for number in range(many):
        if world is None:
            copy = home / f"copy-{number}-new" if follow else None
            world = _World(home / f"disk-{number}-new", copy)
            for image in filter(None, (world.image, copy)):
                make_image(image, _IMAGE_MIB)
        cut = Cut(number, chance.uniform(*_LOAD_SECONDS))
        _cut(world, cut, home, f"{seed}-{number}", environment)
        yield cut
        if cut.wrong:
            for image in filter(None, (world.image, world.copy)):
                image.unlink()
            world = None


def _cut(world: _World, cut: Cut, home: Path, name: str, environment: Mapping[str, str]) -> None:
    """Put a server under load, cut, start on what is left, and look at it; the world goes on with that."""
    account, left, left_copy, moment = world.account, home / f"disk-{cut.number}", home / f"copy-{cut.number}", 0.0
    before = account.kinds()
    with ExitStack() as stack:
        disk = stack.enter_context(mounted(world.image, home / "mounted"))
        data_dir = disk.folder / "data"
        if not data_dir.exists():
            make_log(data_dir, SKUS, _PAST_EVENTS, adjusting(SKUS).deltas)
            synced(disk.folder)
        boot, copy = Boot(home), None
        server = stack.enter_context(boot.serving(data_dir, {**SETTINGS, **environment}))
        if world.copy is not None:
            copy = stack.enter_context(followed.copying(boot, data_dir, world.copy, home / "mounted-copy"))
        clients = Clients(server.port, account, name, _CLIENTS)
        try:
            time.sleep(cut.load_seconds)
            server.stop_at_once()
            cut_at = time.monotonic()
            if copy is not None:
                copy.stop_at_once()
                moment = copy.moment
                copy.copy_as_cut(left_copy)
            cut.copies = disk.copy_as_cut(left)
        finally:
            clients.let_end()
            server.kill()
            clients.join()
    world.image.unlink()
    world.image = left
    if world.copy is not None:
        world.copy.unlink()
        world.copy = left_copy
    cut.confirmed, cut.under_way = len(account.confirmed), len(account.unknown)
    cut.kinds = dict(account.kinds() - before)
    in_time = dict(account.confirmed)
    with mounted(left, home / "mounted") as disk:
        _look(disk, account, cut, cut_at, home)
        if world.copy is not None and not cut.start:
            with mounted(world.copy, home / "mounted-copy") as other:
                target, log = followed.target_on(other), logged(disk.folder / "data")
                found = followed.look(target, log, replace(account, confirmed=in_time), moment)
            cut.findings.other.extend(found.wrong)
            cut.files = {**cut.files, "events copied": found.copied, "changes due in the copy": found.due}


def _look(disk: LoopDisk, account: Account, cut: Cut, cut_at: float, home: Path) -> None:
    data_dir = disk.folder / "data"
    first_answers = dict(account.confirmed)
    try:
        cut.files = _files(data_dir)
    except ValueError as error:
        cut.findings.other.append(f"a published view is torn: {error}")
    try:
        with Boot(home).serving(data_dir, _AFTER) as server:
            connection = Connection(server.port)
            replayed = replay(connection, account, first_answers)
            unsettled = settle(connection, account, cut_at)
            told = told_by(connection)
            connection.close()
            status = server.end()
    except ServerBroken as error:
        cut.start = str(error)
        return
    found = compare(logged(data_dir), account, told)
    found.other.extend(
        [*cut.findings.other, *replayed, *unsettled, *the_log_is_whole(0, data_dir, adjusting(SKUS), ())]
    )
    if status:
        found.other.append(f"the server ended with status {status}")
    cut.findings = found


def _files(data_dir: Path) -> dict[str, int]:
    """How far each kind of work had come by the cut. :raises ValueError: a view is not JSON."""
    counted = {"segments": "events/*.jsonl", "archived": "archive/*.gz", "torn ends": "events/*.cut-at-*"}
    found = {what: len(list(data_dir.glob(pattern))) for what, pattern in counted.items()}
    snapshots = [int(path.stem.rpartition("-")[2]) for path in data_dir.glob("snapshots/*.jsonl")]
    views = [json.loads(path.read_bytes())["asOfSequence"] for path in data_dir.glob("*-inventory.json")]
    return {**found, "newest snapshot": max(snapshots, default=0), "newest view": max(views, default=0)}


def without_sync(folder: Path) -> dict[str, str]:
    """What has a server's syncs report success and do nothing.

    :raises NoCompiler: there is none.
    """
    return {"LD_PRELOAD": str(compiled(_NO_SYNC, folder / "no_sync.so"))}


def verdict(found: Sequence[Cut], *, with_sync: bool = True, follow: bool = False) -> list[Bound]:
    """Hold the cuts to the bounds. Without syncs the drill itself is tried: it has to find losses."""
    if not with_sync:
        return [
            Bound("cuts after which the drill found losses", sum(bool(cut.wrong) for cut in found), 1, at_least=True)
        ]
    wrong = [cut.findings for cut in found]
    kinds = sum((Counter(cut.kinds) for cut in found), Counter())
    return [
        Bound("starts that failed", sum(bool(cut.start) for cut in found), 0),
        Bound("confirmed changes that were lost", sum(len(one.lost) for one in wrong), 0),
        Bound("changes that were there twice", sum(len(one.doubled) for one in wrong), 0),
        Bound("other contradictions", sum(len(one.other) for one in wrong), 0),
        Bound("confirmed changes", sum(kinds.values()), 1, at_least=True),
        Bound("kinds of change among them", len(kinds), 1, at_least=True),
        Bound("changes under way at a cut", sum(cut.under_way for cut in found), 1, at_least=True),
        *(_most(found, what) for what in ("segments", "archived", "newest snapshot", "newest view")),
        *(_most(found, what) for what in ("events copied", "changes due in the copy") if follow),
    ]


def _most(found: Sequence[Cut], what: str) -> Bound:
    return Bound(f"{what}, at its highest", max((cut.files.get(what, 0) for cut in found), default=0), 1, at_least=True)


def line(cut: Cut) -> str:
    """How a cut went."""
    files = ", ".join(f"{what} {many}" for what, many in cut.files.items())
    return (
        f"after {cut.load_seconds:.2f} s: {sum(cut.kinds.values())} confirmed, {cut.under_way} under way;"
        f" {files or 'no start'}; {f'{len(cut.wrong)} WRONG' if cut.wrong else 'all there, once'}"
    )
