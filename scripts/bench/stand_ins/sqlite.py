"""Stock in SQLite: one file, a connection for each thread, one writer at a time, an event row."""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask

from bench.stand_ins.stock import Backing, Record, Refused
from bench.stand_ins.views import create_app

_VARIABLE = "STAND_IN_DATABASE"
_SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE stock (
    store TEXT,
    sku TEXT,
    qty INTEGER NOT NULL CHECK (qty >= 0),
    version INTEGER NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (store, sku)
) WITHOUT ROWID;
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    store TEXT NOT NULL,
    sku TEXT NOT NULL,
    delta INTEGER NOT NULL,
    qty INTEGER NOT NULL,
    version INTEGER NOT NULL,
    at TEXT NOT NULL,
    idempotency_key TEXT UNIQUE
);
"""
_COUNT = """
INSERT INTO stock VALUES (?, ?, ?, 1, ?)
ON CONFLICT (store, sku) DO UPDATE
SET qty = excluded.qty, version = version + 1, updated_at = excluded.updated_at
"""
_CHANGE = "UPDATE stock SET qty = ?, version = ?, updated_at = ? WHERE store = ? AND sku = ?"
_NOTE = "INSERT INTO event (store, sku, delta, qty, version, at, idempotency_key) VALUES (?, ?, ?, ?, ?, ?, ?)"
_EARLIER = "SELECT store, sku, qty, version, at, delta FROM event WHERE idempotency_key = ?"
_RECORD = "SELECT store, sku, qty, version, updated_at FROM stock WHERE store = ? AND sku = ?"
_RECORDS = "SELECT store, sku, qty, version, updated_at FROM stock WHERE store = ? ORDER BY sku"
_BUSY_SECONDS = 30.0


class SqliteStock:
    """Opens a connection to the file for each thread that asks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._of_thread = threading.local()

    def count(self, store: str, sku: str, qty: int) -> Record:
        """See ``Stock``."""
        with self._transaction() as connection:
            connection.execute(_COUNT, (store, sku, qty, datetime.now(UTC).isoformat()))
            return _found(connection, store, sku)

    def adjust(self, store: str, sku: str, delta: int, key: str | None) -> Record:
        """See ``Stock``."""
        with self._transaction() as connection:
            before = _found(connection, store, sku)
            if key is not None:
                earlier = connection.execute(_EARLIER, (key,)).fetchone()
                if earlier is not None:
                    if (earlier[0], earlier[1], earlier[5]) != (store, sku, delta):
                        raise Refused(409, "key_reused")
                    return _record(earlier[:5])
            qty, version, now = before.qty + delta, before.version + 1, datetime.now(UTC)
            if qty < 0:
                raise Refused(409, "insufficient_stock")
            connection.execute(_CHANGE, (qty, version, now.isoformat(), store, sku))
            connection.execute(_NOTE, (store, sku, delta, qty, version, now.isoformat(), key))
            return Record(store, sku, qty, version, now)

    def record(self, store: str, sku: str) -> Record:
        """See ``Stock``."""
        return _found(self._connection(), store, sku)

    def records(self, store: str) -> Sequence[Record]:
        """See ``Stock``."""
        return [_record(row) for row in self._connection().execute(_RECORDS, (store,))]

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            # Transactions begin where the code says so; who finds the file locked tries for so long.
            connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
            connection.execute("PRAGMA synchronous = FULL")
            self._of_thread.connection = connection
        return connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        # No lock of our own for the threads of a process: measured, it made p99 shorter and the rate a third less.
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def _found(connection: sqlite3.Connection, store: str, sku: str) -> Record:
    row = connection.execute(_RECORD, (store, sku)).fetchone()
    if row is None:
        raise Refused(404, "not_found")
    return _record(row)


def _record(row: tuple[str, str, int, int, str]) -> Record:
    return Record(*row[:4], datetime.fromisoformat(row[4]))


@contextmanager
def backing(folder: Path) -> Iterator[Backing]:
    """Make the file with its tables."""
    path = folder / "stock.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_SCHEMA)
    yield Backing({_VARIABLE: str(path)})


def create() -> Flask:
    """The app of one worker."""
    return create_app(SqliteStock(Path(os.environ[_VARIABLE])))
