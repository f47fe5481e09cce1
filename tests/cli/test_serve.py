"""``inventory serve`` as a process: what it refuses, and one start from anywhere to the end."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
from support.ports import free_port


def environment(**given: str) -> dict[str, str]:
    clean = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**clean, "WEB_CONCURRENCY": "1", "PORT": "0", **given}


def command(*arguments: object) -> list[str]:
    # As the installed command does it: the working folder is not on the path.
    start = "import sys; sys.argv[0] = 'inventory'; from inventory.cli.main import main; main()"
    return [sys.executable, "-P", "-c", start, "serve", *map(str, arguments)]


def refused(folder: Path, *arguments: object, **given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(**given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def read_until(pattern: str, stream: IO[str]) -> tuple[list[str], str]:
    seen = []
    for line in stream:
        seen.append(line)
        found = re.search(pattern, line)
        if found:
            return seen, found[1]
    raise AssertionError("".join(seen))


@contextmanager
def served(folder: Path, *arguments: object, **given: str) -> Iterator[tuple[subprocess.Popen[str], list[str], str]]:
    process = subprocess.Popen(
        command(*arguments),
        cwd=folder,
        env=environment(**given),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    try:
        lines, url = read_until(r"Listening at: (http://\S+)", process.stderr)
        yield process, lines, url
    finally:
        process.terminate()
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def test_a_folder_that_does_not_exist_is_not_made_by_accident(tmp_path: Path) -> None:
    ended = refused(tmp_path, "--data-dir", "dtaa")
    assert (ended.returncode, list(tmp_path.iterdir())) == (1, [])
    assert ended.stderr == f"Error: {tmp_path}/dtaa does not exist; create it with --init, or set --data-dir\n"


def test_an_address_that_is_not_this_machines_is_refused_with_one_line(data: Path) -> None:
    ended = refused(data, "--data-dir", data, "--host", "203.0.113.1", "--port", 3000)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("inventory: cannot listen on 203.0.113.1:3000")


def test_a_damaged_log_is_refused_and_left_as_it_is(data: Path) -> None:
    (data / "events").mkdir()
    damaged = data / "events" / f"{1:020d}.jsonl"
    damaged.write_bytes(b'{"format":1}\n')
    ended = refused(data, "--data-dir", data)
    assert (ended.returncode, damaged.read_bytes()) == (1, b'{"format":1}\n')
    assert damaged.name in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    ended = refused(tmp_path, "--data-dir", "/proc")
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr


def test_an_option_goes_before_its_variable(data: Path) -> None:
    ended = refused(data, "--data-dir", data, "--port", 70000, PORT="3000")
    assert ended.stderr == "Error: PORT='70000' (--port) is not a whole number from 0 to 65535.\n"


def test_a_bad_option_is_named_with_its_variable_and_a_bad_variable_alone(data: Path) -> None:
    ended = refused(data, "--data-dir", data, "--workers", 0)
    assert ended.stderr == "Error: WEB_CONCURRENCY='0' (--workers) is not a whole number from 1 to 512.\n"
    ended = refused(data, "--data-dir", data, "--threads", 2, WEB_CONCURRENCY="0")
    assert ended.stderr == "Error: WEB_CONCURRENCY='0' is not a whole number from 1 to 512.\n"


def test_from_anywhere_it_serves_the_demo_and_ends_with_status_0_on_sigterm(tmp_path: Path) -> None:
    (tmp_path / "flask.py").write_text("raise SystemExit('a file of the working folder was imported')")
    with served(tmp_path, "--init", "--demo", "--data-dir", "stock") as (process, _, url):
        answer = httpx.get(f"{url}/stores/leipzig-hbf/inventory/MUG-BLUE", timeout=20)
        process.send_signal(signal.SIGTERM)
        status = process.wait(30)
    assert (answer.status_code, answer.json()["version"], status) == (200, 1, 0)


def test_it_tells_where_the_data_is_and_speaks_json_otherwise(data: Path) -> None:
    with served(data.parent, "--data-dir", "data") as (_, lines, _url):
        first, *others = lines
    assert first == f"Data folder: {data}\n"
    assert [json.loads(line)["logger"] for line in others] == ["gunicorn.error"] * len(others)


def test_it_speaks_text_where_it_is_told_to(data: Path) -> None:
    with served(data.parent, "--data-dir", data, INVENTORY_LOG_FORMAT="TEXT") as (_, lines, _url):
        _, *others = lines
    assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z (INFO|WARNING) ", line) for line in others), others


def test_in_the_workers_too_an_option_goes_before_both_of_its_variables(data: Path, tmp_path: Path) -> None:
    elsewhere = {"INVENTORY_DATA_DIR": str(tmp_path / "a"), "DATA_DIR": str(tmp_path / "b"), "INVENTORY_PORT": "1"}
    with served(tmp_path, "--data-dir", data, "--port", free_port(), **elsewhere) as (_, _lines, url):
        assert httpx.put(f"{url}/stores/oslo/inventory/ski", json={"onHand": 2}, timeout=20).status_code == 201
    assert "oslo" in next((data / "events").iterdir()).read_text()
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()


def test_without_the_demo_nothing_is_put_in(data: Path) -> None:
    with served(data, "--data-dir", data) as (_, _lines, url):
        assert httpx.get(f"{url}/stores", timeout=20).json()["items"] == []


def test_the_demo_leaves_alone_a_folder_in_which_something_is_stored(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "seed.json"
    file.write_text('{"items": [{"storeId": "oslo", "sku": "ski", "onHand": 2}]}')
    seeding = [sys.executable, "-m", "inventory.cli", "seed", str(file), "--data-dir", str(data)]
    subprocess.run(seeding, check=True, timeout=60, capture_output=True)
    with served(data, "--demo", "--data-dir", data) as (_, _lines, url):
        assert [store["storeId"] for store in httpx.get(f"{url}/stores", timeout=20).json()["items"]] == ["oslo"]
