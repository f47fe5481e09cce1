"""``python -m bench.steps STEP TIMES``: repeat one step of a request, so that its instructions can be counted.

There is no gunicorn, and no second thread but the committing one: the count depends on the code alone, and not on other
load of the machine.
"""

import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from bench import empty_view
from bench.bare_app import app as bare_app
from inventory.domain.commands import AdjustStock, CountStock, Note
from inventory.domain.decide import decide
from inventory.domain.events import Event, Line
from inventory.domain.hold_commands import AtomicBatch, HoldStock, reserve_one
from inventory.domain.state import State, fold
from inventory.domain.values import Instant, ItemId, Sku, StoreId
from inventory.eventlog.line import GENESIS, decode, encode, next_chain
from inventory.service.ports.change_queue import Submission
from inventory.service.submission import deciding
from inventory.settings import Settings
from inventory.web.app import create_app
from inventory.wiring import build_services, prepare
from inventory.wiring.services import Services

Step = Callable[[], object]
_ITEM = ItemId(StoreId("store-1"), Sku("sku-1"))
_MANY = [ItemId(StoreId("store-1"), Sku(f"sku-{number}")) for number in range(1000)]
_NOW = Instant(1_767_225_600_000_000)
_RECORD = "/stores/store-1/inventory/sku-1"


def _event(sequence: int) -> Event:
    line = Line(_ITEM, -1, 0, 10_000_000 - sequence, 0, sequence, sequence - 1)
    note = Note("anonymous", "5f2f0a0e6b7d4f0f9f0f3c5d6e7f8a9b", None, None)
    event_id = "019b76da-a800-7ac5-b1f0-0123456789ab"
    return Event(sequence, event_id, "stock.adjusted", _NOW, "shop-server", note, (line,), synced=sequence - 1)


@contextmanager
def _deciding() -> Iterator[Step]:
    state = State()
    fold(state, _event(1), 0)
    command = AdjustStock(_ITEM, -1)
    yield lambda: decide(command, state, _NOW)


@contextmanager
def _deciding_many(*operations: AdjustStock | HoldStock) -> Iterator[Step]:
    """An atomic batch, on records with enough of each."""
    state, command = State(), AtomicBatch(operations)
    lines = tuple(Line(at, 1000, 0, 1000, 0, 1) for at in _MANY)
    fold(state, _event(1)._replace(lines=lines), 0)
    yield lambda: decide(command, state, _NOW)


@contextmanager
def _folding() -> Iterator[Step]:
    state, sequences = State(), count(1)

    def step() -> None:
        fold(state, _event(next(sequences)), 0)

    yield step


@contextmanager
def _making_events() -> Iterator[Step]:
    sequences = count(1)
    yield lambda: _event(next(sequences))


@contextmanager
def _encoding() -> Iterator[Step]:
    event = _event(2)
    yield lambda: encode(event, GENESIS)


@contextmanager
def _decoding() -> Iterator[Step]:
    line = encode(_event(2), GENESIS)[0].rstrip(b"\n")
    yield lambda: (next_chain(line, GENESIS), decode(line))


@contextmanager
def _committing() -> Iterator[Step]:
    """Eight changes in a batch, which is what 32 threads at work make of them."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, _services(folder) as services:
        ledger = services.ledger
        services.stock.change(CountStock(_ITEM, 10_000_000))
        command = AdjustStock(_ITEM, -1)
        changes = [Submission(command.entities, deciding(command))] * 8

        def step() -> None:
            for ticket in ledger.submit_all(changes):
                ticket.wait()

        yield step


@contextmanager
def _services(folder: str) -> Iterator[Services]:
    settings = Settings(data_dir=Path(folder))
    prepare(settings)
    services = build_services(settings)
    try:
        yield services
    finally:
        services.close()


@contextmanager
def _request(path: str, body: bytes | None, app: Any = None) -> Iterator[Step]:
    """A request through the whole app, over a real log in a temporary folder; what gunicorn does is not in it."""
    with ExitStack() as held:
        if app is None:
            folder = held.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
            app = create_app(held.enter_context(_services(folder)))
            empty_view.install(app)
            app.test_client().put(_RECORD, json={"onHand": 10_000_000})
        answers: list[str] = []

        def start(status: str, headers: object, exc_info: object = None) -> None:
            answers.append(status)

        def step() -> None:
            environ = {
                "REQUEST_METHOD": "GET" if body is None else "POST",
                "SCRIPT_NAME": "",
                "PATH_INFO": path,
                "RAW_URI": path,
                "QUERY_STRING": "",
                "SERVER_NAME": "127.0.0.1",
                "SERVER_PORT": "3000",
                "SERVER_PROTOCOL": "HTTP/1.1",
                "REMOTE_ADDR": "127.0.0.1",
                "HTTP_HOST": "127.0.0.1:3000",
                "wsgi.url_scheme": "http",
                "wsgi.input": io.BytesIO(body or b""),
            }
            if body is not None:
                environ |= {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))}
            b"".join(app(environ, start))

        yield step
        wrong = sorted({status for status in answers if status != "200 OK"})
        if wrong:
            raise SystemExit(f"{path} was answered with {', '.join(wrong)}")


STEPS: dict[str, Callable[[], Any]] = {
    "decide": _deciding,
    "decide 1,000 adjusts": lambda: _deciding_many(*[AdjustStock(at, -1) for at in _MANY]),
    "decide 1,000 reserves": lambda: _deciding_many(
        *[reserve_one(at, 1, "r-1") for at in (*_MANY[:500], *_MANY[:500])]
    ),
    "make an event": _making_events,
    "make an event and fold it": _folding,
    "encode": _encoding,
    "verify and decode": _decoding,
    "commit eight": _committing,
    "adjust": lambda: _request(f"{_RECORD}/adjust", b'{"delta": -1}'),
    "empty view": lambda: _request("/empty/store-1/sku-1", b'{"delta": -1}'),
    "bare view": lambda: _request("/bare/store-1/sku-1", b'{"delta": -1}', bare_app),
    "read": lambda: _request(_RECORD, None),
    "empty view, GET": lambda: _request("/empty/store-1/sku-1", None),
    "bare view, GET": lambda: _request("/bare/store-1/sku-1", None, bare_app),
}


def main() -> None:
    """Do one step so many times."""
    name, times = sys.argv[1], int(sys.argv[2])
    with STEPS[name]() as step:
        for _ in range(times):
            step()


if __name__ == "__main__":
    main()
