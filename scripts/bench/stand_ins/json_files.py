"""Stock in JSON files: one for each store, which every change reads and rewrites, and a log of events beside them."""

import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock
from flask import Flask

from bench.stand_ins.stock import Backing, Record, Refused
from bench.stand_ins.views import create_app

_VARIABLE = "STAND_IN_FOLDER"
# filelock looks again after 50 ms by default, in which many changes could be made.
_POLL_SECONDS = 0.001


class JsonStock:
    """Keeps the files in a folder. It has no place for keys, so it refuses changes that come with one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Threads of this process wait for the first, so that only one of them polls for the second.
        self._turn = threading.Lock()
        self._file_lock = FileLock(folder / "lock", poll_interval=_POLL_SECONDS)

    def count(self, store: str, sku: str, qty: int) -> Record:
        """See ``Stock``."""
        with self._turn, self._file_lock:
            records = self._read(store)
            version = records[sku]["version"] + 1 if sku in records else 1
            return self._change(records, Record(store, sku, qty, version, datetime.now(UTC)), "counted")

    def adjust(self, store: str, sku: str, delta: int, key: str | None) -> Record:
        """See ``Stock``."""
        if key is not None:
            raise Refused(501, "keys_are_not_kept")
        with self._turn, self._file_lock:
            records = self._read(store)
            before = _found(records, store, sku)
            if before.qty + delta < 0:
                raise Refused(409, "insufficient_stock")
            after = Record(store, sku, before.qty + delta, before.version + 1, datetime.now(UTC))
            return self._change(records, after, "adjusted")

    def record(self, store: str, sku: str) -> Record:
        """See ``Stock``. Needs no lock: a file is replaced as a whole."""
        return _found(self._read(store), store, sku)

    def records(self, store: str) -> Sequence[Record]:
        """See ``Stock``."""
        found = self._read(store)
        return [_found(found, store, sku) for sku in sorted(found)]

    def _read(self, store: str) -> dict[str, Any]:
        try:
            records: dict[str, Any] = json.loads((self._folder / f"{store}.json").read_bytes())
        except FileNotFoundError:
            return {}
        return records

    def _change(self, records: dict[str, Any], after: Record, event: str) -> Record:
        entry = {"qty": after.qty, "version": after.version, "updatedAt": after.updated_at.isoformat()}
        line = json.dumps({"event": event, "store": after.store, "sku": after.sku, **entry})
        _write(self._folder / "events.jsonl", "a", f"{line}\n")
        records[after.sku] = entry
        new = self._folder / f"{after.store}.json.new"
        _write(new, "w", json.dumps(records, separators=(",", ":")))
        new.replace(self._folder / f"{after.store}.json")
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return after


def _write(path: Path, mode: str, text: str) -> None:
    with open(path, mode, encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _found(records: dict[str, Any], store: str, sku: str) -> Record:
    entry = records.get(sku)
    if entry is None:
        raise Refused(404, "not_found")
    return Record(store, sku, entry["qty"], entry["version"], datetime.fromisoformat(entry["updatedAt"]))


@contextmanager
def backing(folder: Path) -> Iterator[Backing]:
    """Make the folder."""
    path = folder / "json"
    path.mkdir()
    yield Backing({_VARIABLE: str(path)})


def create() -> Flask:
    """The app of one worker."""
    return create_app(JsonStock(Path(os.environ[_VARIABLE])))
