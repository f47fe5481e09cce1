"""A small folder of the version before that is kept in tests/data, and what its requests were answered.

``python -m support.kept_folder``, in ``tests``, makes it again with the program of that version.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from inventory.eventlog.shared_header import Position, SharedHeader
from inventory.resilience.host_clock import HostClock
from support.client import Answer
from support.conversation import HEADERS, Said, Talk, look, trade
from support.running_server import RunningServer, run_command
from support.version_before import unpacked

KEPT = Path(__file__).parents[1] / "data" / "format-2"
_PARTS = ("events", "snapshots", "store-inventory.json", "central-inventory.json")


def copy_to(folder: Path) -> None:
    """Copy the folder, and make a shared header whose clock shows the time at which it was made: no key has ended."""
    folder.mkdir()
    for part in _PARTS:
        (shutil.copytree if (KEPT / part).is_dir() else shutil.copy)(KEPT / part, folder / part)
    (folder / "locks").mkdir()
    (segment,) = (folder / "events").iterdir()
    end = Position(1, segment.stat().st_size, segment.read_bytes().count(b"\n"))
    machine, marks = HostClock(), SharedHeader(folder / "locks" / "state", create=True)
    marks.make(machine.boot_id(), end, json.loads((KEPT / "clock.json").read_text()) - machine.since_boot())
    marks.close()


def said(part: str) -> list[Said]:
    """What was said when it was made: the ``changes``, or the ``reads`` behind them."""
    told = json.loads((KEPT / f"{part}.json").read_text())
    return [Said(*fields, Answer(answer[0], answer[1], answer[2].encode())) for *fields, answer in told]


def _kept(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name in HEADERS}


def _write(path: Path, talk: Talk) -> None:
    told: list[Any] = [
        [*one[:-1], [one.answer.status, _kept(one.answer), one.answer.body.decode()]] for one in talk.said
    ]
    path.write_text("[\n" + ",\n".join(json.dumps(one) for one in told) + "\n]\n")


def main() -> None:
    """Make it again."""
    with tempfile.TemporaryDirectory() as home:
        program = Path(home) / "program"
        program.mkdir()
        unpacked(program)
        folder = Path(home) / "data"
        server = RunningServer(folder, Path(home), PYTHONPATH=program, SYNC_INTERVAL_MS=100)
        try:
            with server.start().client() as client:
                changes, reads = Talk(client), Talk(client)
                trade(changes)
                done = run_command(folder, "archive", "--snapshot", PYTHONPATH=program)
                assert done.returncode == 0, done.stderr
                changes.done("a store that comes later", "PUT", "/stores/ulm/inventory/MUG", {"onHand": 1})
                look(reads)
            assert server.end() == 0
        finally:
            server.close()
        shutil.rmtree(KEPT, ignore_errors=True)
        KEPT.mkdir(parents=True)
        for part in _PARTS:
            (shutil.copytree if (folder / part).is_dir() else shutil.copy)(folder / part, KEPT / part)
        _write(KEPT / "changes.json", changes)
        _write(KEPT / "reads.json", reads)
        (KEPT / "clock.json").write_text(f"{HostClock().wall()}\n")


if __name__ == "__main__":
    main()
