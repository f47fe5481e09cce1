"""Measure the structure of the package: files and lines of each room, imports, cycles, and the path of an adjust.

    .venv/bin/python scripts/structure.py [CHECKOUT]

The path of an adjust is traced: a worker of a real server answers adjusts one by one, and every file of the package
that runs a function for each of them is counted. What runs only now and then, as periodic jobs do, is not.
"""

import argparse
import ast
import json
import os
import signal
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

_SCRIPTS = Path(__file__).resolve().parent
sys.path[:0] = [str(_SCRIPTS), str(_SCRIPTS.parent)]

try:
    from bench.server import ServerBroken, environment_of, running
except ModuleNotFoundError as error:
    sys.exit(f"{error.name} is not installed here. Set up with scripts/serve.py, then: .venv/bin/python {sys.argv[0]}")

CHECKOUT = _SCRIPTS.parent
PACKAGE = "inventory"
_ADJUSTS = 200
_WAIT_SECONDS = 10
_SIGNAL = signal.SIGRTMIN + 3
_TRACER = """
import json, os, signal, sys, threading
from collections import Counter
calls = Counter()
def note(frame, event, _):
    if event == "call":
        calls[frame.f_code.co_filename, frame.f_code.co_qualname] += 1
def toggle(*_):
    if sys.getprofile() is None or not calls.recording:
        calls.clear(); calls.recording = True
        return
    calls.recording = False
    found = [[file, name, count] for (file, name), count in list(calls.items())]
    with open(os.environ["TRACED"] + ".part", "w") as out:
        json.dump(found, out)
    os.rename(os.environ["TRACED"] + ".part", os.environ["TRACED"])
calls.recording = False
signal.signal(%d, toggle)
threading.setprofile(note)
sys.setprofile(note)
"""


def python_files(checkout: Path) -> list[Path]:
    """The files of the package, by name."""
    return sorted((checkout / PACKAGE).rglob("*.py"))


def module_of(file: Path, checkout: Path) -> str:
    """The dotted name under which a file is imported."""
    parts = file.relative_to(checkout).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(source: str, modules: Mapping[str, Path]) -> set[str]:
    """The modules of the package that a source imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.update([inner] if inner in modules else [node.module] if node.module in modules else [])
    return found


def circles(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """The groups of modules that import each other, directly or by way of others of the group."""
    reach = {module: _reached(module, arrows) for module in arrows}
    groups = {
        tuple(sorted({module} | {other for other in reach[module] if module in reach[other]}))
        for module in arrows
        if module in reach[module]
    }
    return [list(group) for group in sorted(groups)]


def _reached(module: str, arrows: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    rest = list(arrows[module])
    while rest:
        found = rest.pop()
        if found not in seen:
            seen.add(found)
            rest.extend(arrows.get(found, ()))
    return seen


def path_of_an_adjust(checkout: Path) -> dict[str, int]:
    """The files of the package that run for each adjust, and how many functions of each.

    :raises ServerBroken: the server did not start, or the worker did not tell what it has traced.
    """
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        traced = folder / "traced"
        (folder / "tracer").mkdir()
        (folder / "tracer" / "sitecustomize.py").write_text(_TRACER % _SIGNAL)
        path = os.pathsep.join((str(folder / "tracer"), environment_of(checkout)["PYTHONPATH"]))
        settings = {"PYTHONPATH": path, "TRACED": str(traced), "RATE_LIMIT_RPS": "0", "SYNC_MODE": "off"}
        (folder / "server").mkdir()
        with running("inventory.web.wsgi:app", settings, folder / "server", 1, checkout=checkout) as server:
            url = f"http://127.0.0.1:{server.port}/stores/s/inventory/sku"
            _send("PUT", url, {"onHand": 1_000_000})
            _send("POST", f"{url}/adjust", {"delta": 1})
            (worker,) = server.workers
            os.kill(worker, _SIGNAL)
            for _ in range(_ADJUSTS):
                _send("POST", f"{url}/adjust", {"delta": -1})
            os.kill(worker, _SIGNAL)
            _wait_for(traced)
        calls = json.loads(traced.read_text())
    inside = str(checkout / PACKAGE) + os.sep
    return dict(Counter(file for file, _, count in calls if file.startswith(inside) and count >= _ADJUSTS - 1))


def _send(method: str, url: str, body: dict[str, int]) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=_WAIT_SECONDS) as answer:
        answer.read()


def _wait_for(file: Path) -> None:
    end = time.monotonic() + _WAIT_SECONDS
    while not file.exists():
        if time.monotonic() > end:
            raise ServerBroken("the worker has not written what it has traced")
        time.sleep(0.02)


def report(checkout: Path) -> Iterator[str]:
    """The lines to print."""
    files = python_files(checkout)
    modules = {module_of(file, checkout): file for file in files}
    yield f"{'room':14} files  lines  mean"
    for room, members in groupby(files, lambda file: file.relative_to(checkout / PACKAGE).parts[:-1][:1]):
        lengths = [len(file.read_text().splitlines()) for file in members]
        yield f"{''.join(room) or '.':14} {len(lengths):5} {sum(lengths):6} {sum(lengths) / len(lengths):5.0f}"
    lengths = [len(file.read_text().splitlines()) for file in files]
    yield f"{'all':14} {len(lengths):5} {sum(lengths):6} {sum(lengths) / len(lengths):5.0f}"
    arrows = {name: imports_of(file.read_text(), modules) - {name} for name, file in modules.items()}
    yield f"imports between modules: {sum(map(len, arrows.values()))}"
    found = circles(arrows)
    yield f"circles of imports: {len(found)}"
    yield from (f"  {' '.join(group)}" for group in found)
    crossed = path_of_an_adjust(checkout)
    yield f"an adjust runs {sum(crossed.values())} functions in {len(crossed)} files:"
    yield from (f"  {Path(file).relative_to(checkout)} {count}" for file, count in sorted(crossed.items()))


def main() -> int:
    """Print the report; the status is 1 if the server cannot be traced."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("checkout", nargs="?", type=Path, default=CHECKOUT, help="of the program; this one by default")
    checkout = parser.parse_args().checkout.resolve()
    if not (checkout / PACKAGE).is_dir():
        parser.error(f"{checkout} has no folder {PACKAGE}")
    try:
        for line in report(checkout):
            print(line, flush=True)
    except (ServerBroken, OSError) as error:
        print(f"structure: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
