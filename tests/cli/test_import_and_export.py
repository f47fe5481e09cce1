"""``inventory import`` and ``inventory export`` on a real folder, without servers."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.commands import run

from inventory.resilience.process_lock import process_lock
from inventory.settings import Settings
from inventory.wiring import layout_of

HEAD = "storeId,sku,onHand\n"
GOOD = HEAD + "berlin,mug,7\nberlin,tea,0\nhamburg,mug,3\n"


@pytest.fixture
def stock(tmp_path: Path) -> Path:
    file = tmp_path / "stock.csv"
    file.write_text(GOOD)
    return file


def asked(*arguments: object) -> dict:
    return json.loads(run(*arguments, "--json").stdout)


def exported(data: Path) -> list[str]:
    """Store, SKU and figures of every record; not its version and its instant."""
    lines = run("export", "--data-dir", data).stdout.splitlines()
    return [",".join(cell for n, cell in enumerate(line.split(",")) if n not in (6, 9)) for line in lines]


def log(data: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((data / "events").glob("*.jsonl")))


def test_a_dry_run_checks_the_file_and_changes_nothing(data: Path, stock: Path) -> None:
    ended = run("import", stock, "--dry-run", "--data-dir", data)
    assert (ended.exit_code, ended.stdout, list(data.iterdir())) == (0, "3 rows, all valid.\n", [])


def test_a_row_that_would_make_more_records_than_may_be_is_named_and_what_is_there_is_stated(
    data: Path, stock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_RECORDS", "2")
    ended = run("import", stock, "--data-dir", data)
    assert (ended.exit_code, len(exported(data))) == (1, 3)
    assert "line 4" in ended.stderr
    assert "ask the operator to raise MAX_RECORDS" in ended.stderr

    stock.write_text(HEAD + "berlin,mug,9\nberlin,tea,1\n")
    assert run("import", stock, "--data-dir", data).exit_code == 0


def test_an_import_states_every_row(data: Path, stock: Path) -> None:
    assert asked("import", stock, "--data-dir", data) == {
        "rows": 3,
        "applied": 3,
        "alreadyIn": 0,
        "refused": 0,
        "asOfSequence": 3,
    }


def test_an_import_that_is_repeated_applies_once(data: Path, stock: Path) -> None:
    run("import", stock, "--data-dir", data)
    before = log(data)
    ended = run("import", stock, "--data-dir", data)
    assert (ended.exit_code, ended.stdout) == (0, "0 rows applied, 3 already applied.\n")
    assert log(data) == before


@pytest.mark.parametrize("option", [[], ["--dry-run"]])
def test_every_bad_row_is_named_by_its_line_and_nothing_is_changed(option: list[str], data: Path, stock: Path) -> None:
    stock.write_text(GOOD + "berlin,,x\nberlin,tea,4\nberlin\n")
    ended = run("import", stock, *option, "--data-dir", data)
    assert (ended.exit_code, list(data.iterdir())) == (1, [])
    assert [": ".join(line.split(": ")[:2]) for line in ended.stderr.splitlines()[:-1]] == [
        "line 5: sku",
        "line 5: onHand",
        "line 6: row",
        "line 7: row",
    ]
    assert ended.stderr.endswith("has 4 problems; nothing was changed\n")


def test_one_thing_is_one_thing(data: Path, stock: Path) -> None:
    stock.write_text(HEAD + "berlin,mug,-7\n")
    assert run("import", stock, "--data-dir", data).stderr.endswith("has 1 problem; nothing was changed\n")
    stock.write_text(HEAD + "berlin,mug,7\n")
    assert run("import", stock, "--data-dir", data).stdout == "1 row applied, 0 already applied.\n"
    assert run("import", stock, "--data-dir", data).stdout == "0 rows applied, 1 already applied.\n"
    assert run("export", "--data-dir", data).stderr == "1 record as of event 1\n"


def test_as_json_bad_rows_are_listed(data: Path, stock: Path) -> None:
    stock.write_text(GOOD + "berlin,tea,4\n")
    found = asked("import", stock, "--data-dir", data)
    assert (found["badRows"], found["problems"]) == (
        1,
        [{"line": 5, "field": "row", "message": "repeats the record of line 3"}],
    )


def test_a_column_that_is_not_known_is_refused_by_name(data: Path, stock: Path) -> None:
    stock.write_text("storeId,sku,onHand,colour\n")
    ended = run("import", stock, "--data-dir", data)
    assert (ended.exit_code, "unknown column 'colour'; nothing was changed" in ended.stderr) == (1, True)


def test_one_import_at_a_time(data: Path, stock: Path) -> None:
    run("import", stock, "--data-dir", data)
    with process_lock(layout_of(Settings(data_dir=data)).import_lock, wait_ms=0):
        ended = run("import", stock, "--data-dir", data)
    assert (ended.exit_code, "another import" in ended.stderr) == (1, True)


def test_a_pipe_is_no_file_to_import(data: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    held = os.open(pipe, os.O_RDWR)
    ended = run("import", pipe, "--data-dir", data)
    os.close(held)
    assert ended.exit_code == 2


def test_a_file_that_is_changed_meanwhile_stops_the_import(
    data: Path, stock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signatures = iter([(1, 1, 1), (1, 1, 2)])
    monkeypatch.setattr("inventory.cli.import_stock._signature", lambda _: next(signatures))
    ended = run("import", stock, "--data-dir", data)
    assert (ended.exit_code, "changed during the import" in ended.stderr) == (1, True)


def test_what_was_exported_and_imported_elsewhere_is_the_same_stock(data: Path, tmp_path: Path) -> None:
    file, other, copy = tmp_path / "a.csv", tmp_path / "other", tmp_path / "b.csv"
    other.mkdir()
    file.write_text("storeId,sku,onHand,safetyStock,lowStock\nb,z,5,1,3\na,y,9,,\nb,a,0,0,\n")
    run("import", file, "--data-dir", data)
    assert asked("export", copy, "--data-dir", data) == {"records": 3, "asOfSequence": 5}
    assert asked("import", copy, "--data-dir", other)["applied"] == 3
    assert exported(other) == exported(data)
    assert [line.split(",")[:3] for line in exported(data)[1:]] == [["a", "y", "9"], ["b", "a", "0"], ["b", "z", "5"]]


def test_an_export_says_as_of_which_event_it_is(data: Path, stock: Path) -> None:
    run("import", stock, "--data-dir", data)
    assert run("export", "--data-dir", data).stderr == "3 records as of event 3\n"


def test_an_export_as_json_needs_a_file(data: Path) -> None:
    assert run("export", "--json", "--data-dir", data).exit_code == 2


def test_an_export_that_fails_leaves_the_file_that_was_there(
    data: Path, stock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> list[bytes]:
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr("inventory.cli.export_stock.export_lines", fails)
    ended = run("export", stock, "--data-dir", data)
    assert (ended.exit_code, stock.read_text(), len(list(stock.parent.glob(".*")))) == (1, GOOD, 0)


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_an_import_that_is_killed_half_way_and_repeated_applies_each_row_once(
    by: signal.Signals, data: Path, stock: Path
) -> None:
    total = 60_000
    stock.write_text(HEAD + "".join(f"s,sku-{n},{n}\n" for n in range(total)))
    command = [sys.executable, "-m", "inventory.cli", "import", str(stock), "--data-dir", str(data)]
    killed = subprocess.Popen(command, stderr=subprocess.PIPE)
    never = threading.Event()
    while len(log(data)) < 300_000:
        assert killed.poll() is None
        never.wait(0.005)
    killed.send_signal(by)
    _, said = killed.communicate(timeout=60)
    assert killed.returncode == (-by if by == signal.SIGKILL else 130)
    assert (b"repeat the command to continue" in said) == (by != signal.SIGKILL)
    before = log(data).count(b"\n")
    result = asked("import", stock, "--data-dir", data)
    assert 0 < before < total
    assert (result["applied"] + result["alreadyIn"], result["asOfSequence"]) == (total, total)
