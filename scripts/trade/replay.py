"""Replay orders: each is a hold of all its lines and then a commit, or a refusal that names every short line.

STOCK has the columns storeId, sku, onHand (and lowStock), ORDERS reference, sku, qty. The stock is counted in first.
At the end, for each SKU, what is there must be what was there less what was sold, and the service must find no drift
in its own books (GET /audit/verify). No other client may change these records meanwhile.

A run that was broken off goes on with --run NAME: what was done is not done twice for as long as the service
remembers keys (IDEMP_TTL_MS, an hour by default); refused orders are tried again. The first line on stderr says
whether the run goes on or begins: a NAME that the service does not remember begins one.
"""

from argparse import ArgumentTypeError
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from uuid import uuid4

from trade.command_line import parser_of, run
from trade.crowd import crowd, say
from trade.files import Order, StockRow, read_orders, read_stock
from trade.orders import End, Replay
from trade.report import Report
from trade.service import GaveUp, Service

_SHOWN = 10
_GOES_ON = "goes on: what it has counted in and sold is not counted in and sold again"
_BEGINS = "begins: the service remembers none of that name, so the stock is counted in again"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a replay; returns 0 if the books agree, 1 if they do not or the service is away."""
    parser = parser_of("replay.py", __doc__ or "", 8, "orders")
    example = Path(__file__).parent / "example"
    parser.add_argument("stock", type=Path, nargs="?", default=example / "stock.csv", help="default: a small example")
    parser.add_argument("orders", type=Path, nargs="?", default=example / "orders.csv", help="default: its orders")
    parser.add_argument(
        "--run",
        type=_name,
        default=f"replay-{uuid4().hex[:12]}",
        help="go on with the run NAME, or begin it if there is none",
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write how each order ended, a line of JSON each")
    asked = parser.parse_args(arguments)

    def act(service: Service) -> dict[str, object]:
        stock, orders = read_stock(asked.stock), read_orders(asked.orders)
        with Report(asked.report) if asked.report else nullcontext() as report:
            return replayed(service, stock, orders, asked.run, asked.clients, report)

    return run(parser, asked, act, in_words, f"go on with: --run {asked.run}")


def replayed(
    service: Service,
    stock: Sequence[StockRow],
    orders: Sequence[Order],
    name: str,
    clients: int,
    report: Report | None = None,
) -> dict[str, object]:
    """Count the stock in, place every order, and compare."""
    replay = Replay(service, stock, name)
    goes_on = any(replay.was_counted_in(row) for row in stock[:1])
    say(f"run {name} {_GOES_ON if goes_on else _BEGINS}\n")

    def place(order: Order) -> End:
        end = replay.place(order)
        if report is not None:
            report.note(end)
        return end

    crowd(replay.count_in, stock, clients, "stock", service.stop)
    ends = crowd(place, orders, clients, "orders", service.stop)
    sold: Counter[str] = sum((end.sold for end in ends), Counter())
    wrong = [text for text in crowd(lambda row: replay.wrong(row, sold), stock, clients, "books", service.stop) if text]
    refused = [end for end in ends if end.short]
    failed = {end.order.reference: end.error for end in ends if end.error}
    audit = audited(service)
    return {
        "ok": not wrong and not failed and audit.get("ok") is True,
        "run": name,
        "goesOn": goes_on,
        "orders": len(orders),
        "sold": sum(1 for end in ends if end.sold),
        "unitsSold": sold.total(),
        "refused": len(refused),
        "shortLines": sum(len(end.short) for end in refused),
        "shortMost": dict(Counter(line["sku"] for end in refused for line in end.short).most_common(_SHOWN)),
        "failed": failed,
        "wrongBooks": wrong,
        "audit": audit,
    }


def audited(service: Service) -> dict[str, Any]:
    """What the service says of its own books; ``ok`` is ``None`` where it cannot say."""
    try:
        answer = service.get("/audit/verify")
    except GaveUp as error:
        return {"ok": None, "message": f"the audit could not be had: {error}"}
    if answer.status == 404:
        return {"ok": None, "message": "this deployment has no GET /audit/verify: a newer version of the service has"}
    if answer.status != 200:
        return {"ok": None, "message": f"the audit could not be had: {answer}"}
    found: dict[str, Any] = answer.body
    return found


def in_words(result: Mapping[str, Any]) -> list[str]:
    """The result for people."""
    short = ", ".join(f"{sku} ({many}x)" for sku, many in result["shortMost"].items())
    audit = result["audit"]
    proof = f"no drift up to event {audit.get('checkedSequence')}" if audit["ok"] else audit.get("message", audit)
    return [
        f"run {result['run']}: {result['orders']:,} orders",
        f"sold: {result['sold']:,} orders whole, {result['unitsSold']:,} units",
        f"refused: {result['refused']:,} orders, for {result['shortLines']:,} short lines",
        *([f"  short most often: {short}; --report FILE names every line"] if short else []),
        f"could not be placed: {len(result['failed']):,} orders",
        *[f"  {reference}: {error}" for reference, error in result["failed"].items()],
        f"stock = start - sold: {'true of every SKU' if not result['wrongBooks'] else 'NOT TRUE'}",
        *[f"  {text}" for text in result["wrongBooks"]],
        f"audit of the service: {proof}",
        _verdict(result),
    ]


def _verdict(result: Mapping[str, Any]) -> str:
    if result["ok"]:
        return "ok: the books agree"
    if result["audit"]["ok"] is None and not result["wrongBooks"] and not result["failed"]:
        return "NOT PROVED: the stock agrees, but the service has not audited its own books"
    return "NOT OK: see above"


def _name(text: str) -> str:
    if not (0 < len(text) <= 100 and text.isascii() and text.replace("-", "").replace("_", "").isalnum()):
        raise ArgumentTypeError("must be up to 100 letters, digits, '-' and '_'")
    return text
