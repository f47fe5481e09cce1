"""A downgrade: the version before takes over the folder, or at least shows the same stock and changes nothing."""

from pathlib import Path
from typing import Any

from support.client import Client, Unanswered, record_path
from support.conversation import Talk, assert_replayed, fill, trade
from support.load import logged_lines
from support.running_server import RunningServer, Serve, run_command
from support.timelines import begin_timeline
from support.waiting import until

from inventory.domain.values import parse_instant
from inventory.eventlog.layout import Layout
from inventory.eventlog.log_reader import START, Cursor

SETTINGS = {"SEGMENT_BYTES": 4096, "SYNC_INTERVAL_MS": 100}
FORMAT = 2
"""The highest format of a line that the version before writes."""


def written(server: RunningServer, *, only_format_2: bool) -> Talk:
    """Have this version write a log, with snapshots and an archive; it has ended then."""

    def compact() -> None:
        done = run_command(server.data_dir, "archive", "--snapshot", IDEMP_TTL_MS=1, RESERVATION_KEEP_MS=1)
        assert done.returncode == 0, done.stderr

    with server.client() as client:
        talk = Talk(client)
        fill(talk, compact)
        trade(talk, only_format_2=only_format_2)
    assert server.end() == 0
    return talk


def stock_of(client: Client) -> dict[str, dict[str, Any]]:
    """All records of all stores."""
    found = {}
    for store in ("berlin", "hamburg", "bulk"):
        page = client.get(f"/stores/{store}/inventory?limit=1000").json
        assert page["nextCursor"] is None
        found |= {f"{store}/{record['sku']}": record for record in page["items"]}
    return found


def stock_at_its_end(server: RunningServer) -> dict[str, dict[str, Any]]:
    """What a server says; it is started for that, and has ended then."""
    with server.client() as client:
        found = stock_of(client)
    assert server.end() == 0
    return found


def until_it_answers(server: RunningServer) -> RunningServer:
    """Wait until a server answers whether it is ready, with yes or no."""

    def answers() -> bool:
        try:
            with server.client(timeout=5) as client:
                return client.get("/health/readiness").status in (200, 503)
        except Unanswered:
            return False

    until("the server answers", answers)
    return server


def test_the_version_before_goes_on_with_a_log_of_its_own_format(serve: Serve, version_before: Path, data_dir: Path):
    talk = written(serve(**SETTINGS), only_format_2=True)
    stock = stock_at_its_end(serve(**SETTINGS))
    assert {line["format"] for line in logged_lines(data_dir)} == {FORMAT}

    # It cannot use our snapshots, and says so; the log and the archive are all it needs.
    assert run_command(data_dir, "rebuild", "--yes", PYTHONPATH=version_before).returncode == 0
    assert run_command(data_dir, "verify", PYTHONPATH=version_before).returncode == 0
    with serve(PYTHONPATH=version_before, **SETTINGS).client() as client:
        assert stock_of(client) == stock
        assert_replayed(talk.said, client)
        assert client.post(f"{record_path('MUG', 'berlin')}/adjust", {"delta": 1}).status == 200


def test_the_version_before_goes_on_with_a_restored_log_and_loses_neither_ledger_nor_timeline(
    serve: Serve, version_before: Path, data_dir: Path
):
    written(serve(**SETTINGS), only_format_2=True)
    lines = logged_lines(data_dir)
    end = Cursor(START.position._replace(sequence=lines[-1]["sequence"]), bytes.fromhex(lines[-1]["chain"]))
    timeline = begin_timeline(Layout(data_dir), end, at=parse_instant(lines[-1]["ts"])).event.event_id
    stock = stock_at_its_end(serve(**SETTINGS))

    for command in (("rebuild", "--yes"), ("verify",), ("archive", "--snapshot")):
        assert run_command(data_dir, *command, PYTHONPATH=version_before).returncode == 0
    server = serve(PYTHONPATH=version_before, **SETTINGS)
    with server.client() as client:
        assert stock_of(client) == stock
        assert client.post(f"{record_path('MUG', 'berlin')}/adjust", {"delta": 1}).status == 200
    assert server.end() == 0

    with serve(**SETTINGS).client() as client:
        told = client.get("/capabilities").json
    assert (told["ledgerId"], told["timelineId"]) == (lines[0]["eventId"], timeline)


def test_the_version_before_keeps_the_stock_and_changes_nothing_from_the_first_line_of_a_newer_format_on(
    serve: Serve, version_before: Path, tmp_path: Path, data_dir: Path
):
    written(serve(**SETTINGS), only_format_2=False)
    stock = stock_at_its_end(serve(**SETTINGS))
    assert max(line["format"] for line in logged_lines(data_dir)) > FORMAT
    before = {path.name: path.read_bytes() for path in (data_dir / "events").iterdir()}

    server = RunningServer(data_dir, tmp_path, PYTHONPATH=version_before, **SETTINGS)
    try:
        with until_it_answers(server.launch()).client() as client:
            assert stock_of(client) == stock
            holds = {one["reference"]: one for one in client.get("/reservations?limit=1000").json["items"]}
            answer = client.post(f"{record_path('MUG', 'berlin')}/adjust", {"delta": 1})
            ready = client.get("/health/readiness")
    finally:
        server.close()

    after = {path.name: path.read_bytes() for path in (data_dir / "events").iterdir()}
    assert (answer.status, answer.json["error"], ready.status, after == before) == (503, "read_only", 503, True)
    # Of holds it knows what was before the first such line of each, and makes nothing up.
    assert (holds["order-parts"]["version"], len(holds["order-parts"]["lines"])) == (1, 3)
