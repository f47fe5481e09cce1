"""scripts/trade/replay.py against the app itself, over HTTP, with a ledger in memory."""

import errno
import io
import json
import sys
from pathlib import Path

import pytest
from trade import flash_sale, replay
from trade.files import Order, StockRow
from trade.orders import Replay
from trade.service import Service

STOCK = [StockRow("kiosk", "TEA", 12, 4), StockRow("kiosk", "MUG", 5, None), StockRow("kiosk", "POT", 0, None)]
FINE, SHORT = Order("A 1", (("TEA", 4), ("MUG", 1), ("TEA", 1))), Order("A,2", (("MUG", 6), ("TEA", 13), ("POT", 1)))


@pytest.fixture(autouse=True)
def _no_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no log on files to be audited here; see test_trade.py among the system tests."""
    monkeypatch.setattr(replay, "audited", lambda _: {"ok": None, "message": "left out"})


@pytest.fixture
def counted_in(service: Service) -> Replay:
    trade = Replay(service, STOCK, "run-1")
    for row in STOCK:
        trade.count_in(row)
    return trade


def test_what_there_is_and_what_counts_as_low_is_stated(service: Service, counted_in: Replay):
    record = service.get("/stores/kiosk/inventory/TEA").body
    assert (record["onHand"], record["lowStock"]) == (12, 4)


def test_an_order_is_sold_in_full(service: Service, counted_in: Replay):
    end = counted_in.place(FINE)
    record = service.get("/stores/kiosk/inventory/TEA").body
    assert (dict(end.sold), end.short, end.error) == ({"TEA": 5, "MUG": 1}, (), None)
    assert (record["onHand"], record["reserved"]) == (7, 0)


def test_a_refused_order_names_every_short_line_and_sells_nothing(service: Service, counted_in: Replay):
    end = counted_in.place(SHORT)
    assert [(line["sku"], line["requested"], line["available"]) for line in end.short] == [
        ("MUG", 6, 5),
        ("TEA", 13, 12),
        ("POT", 1, 0),
    ]
    assert (end.sold.total(), service.get("/stores/kiosk/inventory/TEA").body["version"]) == (0, 2)


def test_two_lines_of_one_cart_checked_apart_oversell_not(counted_in: Replay):
    end = counted_in.place(Order("A-3", (("MUG", 3), ("MUG", 3))))
    assert (end.sold.total(), [line["requested"] for line in end.short]) == (0, [6])


def test_an_order_that_was_placed_is_not_sold_twice(service: Service, counted_in: Replay):
    first, again = counted_in.place(FINE), counted_in.place(FINE)
    assert (first, service.get("/stores/kiosk/inventory/TEA").body["onHand"]) == (again, 7)


def test_stock_that_was_counted_in_is_not_counted_again_by_the_same_run(service: Service, counted_in: Replay):
    counted_in.place(FINE)
    counted_in.count_in(STOCK[0])
    assert service.get("/stores/kiosk/inventory/TEA").body["onHand"] == 7


def test_another_run_begins_again(service: Service, counted_in: Replay):
    counted_in.place(FINE)
    other = Replay(service, STOCK, "run-2")
    other.count_in(STOCK[0])
    assert other.place(FINE).sold["TEA"] == 5


def test_an_order_of_a_sku_that_is_not_in_the_stock_file_is_an_error(counted_in: Replay):
    assert counted_in.place(Order("A-4", (("HAT", 1),))).error == "not in the stock file: HAT"


def test_an_order_that_the_service_cannot_take_is_an_error_with_its_words(counted_in: Replay):
    assert counted_in.place(Order("A-5", (("TEA", 10**13),))).error.startswith("validation_error")


def test_books_that_do_not_agree_are_named_with_their_figures(service: Service, counted_in: Replay):
    sold = counted_in.place(FINE).sold
    service.change("POST", "/stores/kiosk/inventory/TEA/adjust", {"delta": -1})
    assert [counted_in.wrong(row, sold) for row in STOCK] == ["TEA: 12 - 5 sold, and 6 are there", None, None]


def test_a_replay_adds_up(service: Service):
    orders = [FINE, SHORT, Order("A-6", (("TEA", 8),)), Order("A-7", (("HAT", 1),))]
    result = replay.replayed(service, STOCK, orders, "run-1", clients=1)
    assert {name: result[name] for name in ("orders", "sold", "unitsSold", "refused", "shortLines", "wrongBooks")} == {
        "orders": 4,
        "sold": 1,
        "unitsSold": 6,
        "refused": 2,
        "shortLines": 4,
        "wrongBooks": [],
    }
    assert (result["shortMost"]["TEA"], list(result["failed"]), result["ok"]) == (2, ["A-7"], False)


@pytest.mark.parametrize(
    ("audit", "ok", "last"),
    [
        ({"ok": True, "checkedSequence": 9, "drift": []}, True, "ok: the books agree"),
        ({"ok": False, "checkedSequence": 9, "drift": [{}]}, False, "NOT OK: see above"),
        ({"ok": None, "message": "none"}, False, "NOT PROVED"),
    ],
)
def test_the_last_word_is_the_audit_s(service: Service, monkeypatch: pytest.MonkeyPatch, audit, ok, last):
    monkeypatch.setattr(replay, "audited", lambda _: audit)
    result = replay.replayed(service, STOCK, [FINE], "run-1", clients=1)
    assert (result["ok"], replay.in_words(result)[-1].startswith(last)) == (ok, True)


def test_the_report_names_the_end_of_every_order(service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    report = tmp_path / "report.jsonl"
    replay.main(["--url", service.url, "--clients", "1", "--report", str(report), "--json"])
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    printed = json.loads(capsys.readouterr().out)
    assert [line["reference"] for line in lines] == ["A-1", "A-2", "A-3", "A-4", "A-5"]
    assert sum(sum(line.get("sold", {}).values()) for line in lines) == printed["unitsSold"]
    assert [short["sku"] for line in lines for short in line.get("short", ())] == ["POT", "TEA", "MUG"]


@pytest.mark.parametrize("wrong", [["--run", "a b"], ["--clients", "0"], ["--clients", "many"], ["--units", "-1"]])
def test_wrong_arguments_end_with_status_2(wrong: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        (flash_sale if wrong[0] == "--units" else replay).main(wrong)
    assert (ended.value.code, "Traceback" in capsys.readouterr().err) == (2, False)


def test_a_file_that_cannot_be_read_ends_with_status_1_before_anything_is_counted(service: Service):
    with pytest.raises(SystemExit) as ended:
        replay.main(["nowhere.csv", "--url", service.url])
    assert (ended.value.code, service.get("/stores").body["items"]) == (1, [])


def test_whether_a_run_begins_or_goes_on_is_said_first(service: Service, capsys: pytest.CaptureFixture[str]):
    said = []
    for name in ("night", "night", "nihgt"):
        replay.replayed(service, STOCK, [FINE], name, clients=1)
        said.append(capsys.readouterr().err.splitlines()[0].partition(":")[0])
    assert said == ["run night begins", "run night goes on", "run nihgt begins"]


@pytest.mark.parametrize("there", [STOCK[:0], STOCK[:1]])
def test_to_ask_whether_a_run_has_begun_changes_nothing(service: Service, there: list[StockRow]):
    for row in there:
        Replay(service, STOCK, "another").count_in(row)
    before = service.get("/events").body["items"]
    assert not Replay(service, STOCK, "night").was_counted_in(STOCK[0])
    assert service.get("/events").body["items"] == before


class Full(io.StringIO):
    """A stderr that takes nothing."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_stderr_that_takes_nothing_ends_no_replay(service: Service, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stderr", Full())
    assert replay.replayed(service, STOCK, [FINE], "run-full", clients=1)["sold"] == 1
