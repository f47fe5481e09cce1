"""The trading scripts, as people start them, against a real server with two workers."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.running_server import RunningServer
from support.waiting import until

SCRIPTS = Path(__file__).parents[2] / "scripts"
ORDERS = 600


def command(script: str, server: RunningServer, *arguments: object) -> list[str]:
    url = f"http://127.0.0.1:{server.port}"
    return [sys.executable, str(SCRIPTS / script), "--url", url, "--json", *map(str, arguments)]


def run(script: str, server: RunningServer, *arguments: object) -> tuple[int, dict]:
    done = subprocess.run(command(script, server, *arguments), capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def assert_proved(status: int, result: dict) -> None:
    """The books agree, and the service says so too, if it can."""
    assert (result["wrongBooks"], result["failed"]) == ([], {})
    if result["audit"]["ok"] is None:
        assert "has no GET /audit/verify" in result["audit"]["message"]
    else:
        assert (status, result["audit"]["ok"], result["audit"]["drift"]) == (0, True, [])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Three units of each of 100 SKUs, and 600 orders of two of them."""
    stock, orders = tmp_path / "stock.csv", tmp_path / "orders.csv"
    stock.write_text("storeId,sku,onHand\n" + "".join(f"shop,S-{number},3\n" for number in range(100)))
    lines = [f"O-{at},S-{(at * 7 + step) % 100},1\n" for at in range(ORDERS) for step in range(2)]
    orders.write_text("reference,sku,qty\n" + "".join(lines))
    return stock, orders


def test_a_flash_sale_sells_exactly_what_there_is(server: RunningServer):
    status, result = run("flash_sale.py", server, "--buyers", 300, "--units", 20, "--clients", 16)
    assert (status, result["sold"], result["refused"]) == (0, 20, {"insufficient_stock": 280})
    assert (result["left"], result["stillHeld"]) == (0, 0)


def test_a_flash_sale_waits_where_the_service_limits_its_rate_and_goes_on(serve):
    server = serve(RATE_LIMIT_RPS=100, RATE_LIMIT_BURST=20)
    status, result = run("flash_sale.py", server, "--buyers", 80, "--units", 20, "--clients", 16)
    assert (status, result["sold"], result["sentAgain"] > 0) == (0, 20, True)


def test_the_example_is_replayed_and_the_books_agree(server: RunningServer):
    status, result = run("replay.py", server)
    assert_proved(status, result)
    assert result["sold"] + result["refused"] == result["orders"] == 5


def test_a_run_that_was_broken_off_and_gone_on_with_sells_nothing_twice(
    server: RunningServer, files: tuple[Path, Path], tmp_path: Path
):
    report = tmp_path / "report.jsonl"
    given = (*files, "--run", "night", "--clients", 2)
    process = subprocess.Popen(
        command("replay.py", server, *given, "--report", report),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that starts the tests in the background makes them ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    until("some orders have ended", lambda: report.exists() and report.read_text().count("\n") > 20)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, "go on with: --run night" in said) == (130, True), said

    status, result = run("replay.py", server, *given)

    assert_proved(status, result)
    assert result["sold"] + result["refused"] == ORDERS
    # Keys that were forgotten would count the stock in again and sell it again, and those books would agree too.
    placed = [one["reference"] for one in server.get("/reservations?limit=1000")["items"]]
    assert sorted(placed) == sorted(set(placed))
    assert result["unitsSold"] == 300 - sum(
        item["onHand"] for item in server.get("/stores/shop/inventory?limit=1000")["items"]
    )
