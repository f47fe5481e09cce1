"""wrk as the driver: the same requests, from a Lua script; it reports only how many were confirmed in total."""

import json
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.load import Load, Plan
from bench.procfs import owners, processor_seconds

_SCRIPT = Path(__file__).with_name("wrk.lua")
_SPARE_SECONDS = 30


def drive_with_wrk(plan: Plan) -> Load:
    """Run a plan: once for the warm-up, if there is one, and once for the figures.

    What wrk has under way when its time is up it leaves unanswered, on each connection one request.

    :raises subprocess.CalledProcessError: wrk failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        requests = Path(folder) / "requests"
        # wrk formats requests itself: one line of method, path and body for each.
        requests.write_text("".join(f"{_line(request)}\n" for request in plan.requests))
        warm = [_run(plan, plan.warmup_seconds, requests)] if plan.warmup_seconds else []
        before, server = resource.getrusage(resource.RUSAGE_CHILDREN), processor_seconds(plan.server_pids)
        started = time.perf_counter()
        found = _run(plan, plan.seconds, requests)
        wall = time.perf_counter() - started
        after, server = resource.getrusage(resource.RUSAGE_CHILDREN), processor_seconds(plan.server_pids) - server
    errors: dict[str, int] = {}
    for part in (*warm, found):
        for kind, count in part["errors"].items():
            if count:
                errors[kind] = errors.get(kind, 0) + count
    own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Load(
        requests=found["requests"],
        seconds=found["microseconds"] / 1e6,
        latencies_ms=(found["p50"] / 1e3, found["p99"] / 1e3, found["max"] / 1e3),
        errors=errors,
        confirmed=None,
        confirmed_in_all=sum(part["requests"] - part["errors"]["status"] for part in (*warm, found)),
        unanswered=(1 + len(warm)) * plan.connections,
        driver_share=own / wall,
        server_seconds=server,
        connections_of=found["connections_of"],
    )


def _run(plan: Plan, seconds: float, requests: Path) -> dict[str, Any]:
    # wrk counts in whole seconds.
    whole = str(max(1, round(seconds)))
    url = f"http://127.0.0.1:{plan.port}"
    command = ["wrk", "-t", "1", "-c", str(plan.connections), "-d", whole, "-s", str(_SCRIPT), url, "--"]
    with subprocess.Popen([*command, str(requests), str(plan.seed)], stdout=subprocess.PIPE, text=True) as wrk:
        try:
            time.sleep(seconds / 2)
            held = list(owners(plan.pids, plan.port).values())
            output, _ = wrk.communicate(timeout=seconds + _SPARE_SECONDS)
        except BaseException:
            wrk.kill()
            raise
    if wrk.returncode:
        raise subprocess.CalledProcessError(wrk.returncode, command, output)
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return {**found, "connections_of": [held.count(pid) for pid in plan.pids]}


def _line(request: bytes) -> str:
    head, _, body = request.decode("latin-1").partition("\r\n\r\n")
    method, path, _ = head.partition("\r\n")[0].split(" ")
    return f"{method} {path} {body}"
