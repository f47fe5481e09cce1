"""The shared header of a served folder is deleted, and a second server starts there: no answer is out of date."""

import json

from support.client import Unanswered, adjust, record_path, stock
from support.running_server import RunningServer, assert_whole, run_command
from support.waiting import until

READS = 300


def critical_lines(server: RunningServer) -> list[str]:
    """What the server's processes have called critical, on either output."""
    lines = [*server.stdout.read_text().splitlines(), *server.stderr.read_text().splitlines()]
    return [json.loads(line)["message"] for line in lines if '"CRITICAL"' in line]


def seen_at(server: RunningServer) -> tuple[int, int | None]:
    """One read on a new connection: its status, and the quantity if there is one; 0 where no answer came."""
    try:
        with server.client(timeout=20) as client:
            answer = client.get(record_path("sku-1"))
    except Unanswered:
        return 0, None
    return answer.status, answer.json.get("qty")


def changed_at(server: RunningServer) -> bool:
    """Whether it carries out a change, always the same one; not while a worker ends, which closes new connections."""
    try:
        with server.client(timeout=20) as client:
            return adjust(client, "sku-1", 1, f"key-{server.port}").status == 200
    except Unanswered:
        return False


def test_after_the_shared_header_is_deleted_no_read_is_stale_both_servers_serve_and_the_next_start_has_everything(
    serve,
):
    first = serve()
    with first.client() as client:
        stock(client, "sku-1", 5)
    (first.data_dir / "locks" / "state").unlink()
    second = serve()
    assert changed_at(second)

    answers = {seen_at(first) for _ in range(READS)}
    assert {status for status, _ in answers} <= {0, 200, 503}
    assert {qty for status, qty in answers if status == 200} <= {6}
    until("the first server takes changes", lambda: changed_at(first), within=30)
    assert seen_at(second) == (200, 7)

    assert any("locks/state was removed" in message for message in critical_lines(first))
    assert [server.end() for server in (first, second)] == [0, 0]
    first.restart()
    assert seen_at(first) == (200, 7)
    assert_whole(first.data_dir)


def test_after_the_shared_header_of_an_only_server_is_deleted_it_is_not_ready_and_a_command_brings_it_back(serve):
    server = serve()
    with server.client() as client:
        stock(client, "sku-1", 5)
    (server.data_dir / "locks" / "state").unlink()
    until("it refuses", lambda: seen_at(server)[0] == 503, within=20)
    assert run_command(server.data_dir, "sync").returncode == 0
    until("it serves again", lambda: seen_at(server) == (200, 5), within=30)
    # Each worker comes back at a look of its own.
    until("it takes changes", lambda: changed_at(server), within=30)
