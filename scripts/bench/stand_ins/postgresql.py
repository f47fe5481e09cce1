"""Stock in PostgreSQL: a row for each record, locked for a change; an event row; one transaction for both."""

import os
from collections.abc import Sequence
from typing import Any

from flask import Flask
from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg_pool import ConnectionPool

from bench.stand_ins.stock import Record, Refused
from bench.stand_ins.views import create_app

URI_VARIABLE = "STAND_IN_URI"
SCHEMA = """
CREATE TABLE stock (
    store text,
    sku text,
    qty bigint NOT NULL CHECK (qty >= 0),
    version bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (store, sku)
);
CREATE TABLE event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    store text NOT NULL,
    sku text NOT NULL,
    delta bigint NOT NULL,
    qty bigint NOT NULL,
    version bigint NOT NULL,
    at timestamptz NOT NULL,
    idempotency_key text UNIQUE
);
"""
_COUNT = """
INSERT INTO stock VALUES (%(store)s, %(sku)s, %(qty)s, 1, clock_timestamp())
ON CONFLICT (store, sku) DO UPDATE
SET qty = excluded.qty, version = stock.version + 1, updated_at = excluded.updated_at
RETURNING store, sku, qty, version, updated_at
"""
_LOCK = "SELECT qty FROM stock WHERE store = %s AND sku = %s FOR UPDATE"
_CHANGE = """
UPDATE stock SET qty = qty + %s, version = version + 1, updated_at = clock_timestamp()
WHERE store = %s AND sku = %s
RETURNING store, sku, qty, version, updated_at
"""
_NOTE = """
INSERT INTO event (store, sku, delta, qty, version, at, idempotency_key) VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_EARLIER = "SELECT store, sku, qty, version, at, delta FROM event WHERE idempotency_key = %s"
_RECORD = "SELECT store, sku, qty, version, updated_at FROM stock WHERE store = %s AND sku = %s"
_RECORDS = "SELECT store, sku, qty, version, updated_at FROM stock WHERE store = %s ORDER BY sku"
# PostgreSQL takes 100 by default, some of which it keeps for itself.
_CONNECTIONS_IN_ALL = 90


class PostgresqlStock:
    """Keeps a pool of connections, so it is made after the fork."""

    def __init__(self, uri: str, connections: int) -> None:
        # Each statement is prepared when it is first used. Commits wait for the disk: synchronous_commit is on.
        self._pool = ConnectionPool(
            uri, min_size=connections, max_size=connections, kwargs={"prepare_threshold": 0}, open=True
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def count(self, store: str, sku: str, qty: int) -> Record:
        """See ``Stock``."""
        with self._pool.connection() as connection:
            return _made(connection.execute(_COUNT, {"store": store, "sku": sku, "qty": qty}).fetchone())

    def adjust(self, store: str, sku: str, delta: int, key: str | None) -> Record:
        """See ``Stock``."""
        try:
            with self._pool.connection() as connection:
                return _adjusted(connection, store, sku, delta, key)
        except UniqueViolation as error:
            # Used for another record at the same time.
            raise Refused(409, "key_reused") from error

    def record(self, store: str, sku: str) -> Record:
        """See ``Stock``."""
        with self._pool.connection() as connection:
            return _made(connection.execute(_RECORD, (store, sku)).fetchone())

    def records(self, store: str) -> Sequence[Record]:
        """See ``Stock``."""
        with self._pool.connection() as connection:
            return [Record(*row) for row in connection.execute(_RECORDS, (store,))]


def _adjusted(connection: Connection[Any], store: str, sku: str, delta: int, key: str | None) -> Record:
    locked = connection.execute(_LOCK, (store, sku)).fetchone()
    if locked is None:
        raise Refused(404, "not_found")
    if key is not None:
        earlier = connection.execute(_EARLIER, (key,)).fetchone()
        if earlier is not None:
            if (earlier[0], earlier[1], earlier[5]) != (store, sku, delta):
                raise Refused(409, "key_reused")
            return _made(earlier[:5])
    (qty,) = locked
    if qty + delta < 0:
        raise Refused(409, "insufficient_stock")
    record = _made(connection.execute(_CHANGE, (delta, store, sku)).fetchone())
    connection.execute(_NOTE, (store, sku, delta, record.qty, record.version, record.updated_at, key))
    return record


def _made(row: tuple[Any, ...] | None) -> Record:
    if row is None:
        raise Refused(404, "not_found")
    return Record(*row)


def create() -> Flask:
    """The app of one worker, with a connection for each thread as far as PostgreSQL takes them."""
    threads, workers = int(os.environ["THREADS"]), int(os.environ["WEB_CONCURRENCY"])
    connections = max(1, min(threads, _CONNECTIONS_IN_ALL // workers))
    return create_app(PostgresqlStock(os.environ[URI_VARIABLE], connections))
