"""``inventory dead-letters`` on a real folder, without servers."""

import json
import os
import pwd
from hashlib import blake2b
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from inventory.cli.main import main
from inventory.domain.commands import AdjustStock, CountStock
from inventory.domain.values import item_id
from inventory.settings import Settings
from inventory.wiring import build_services, prepare

ONE, TWO = item_id("store-1", "sku-1"), item_id("store-1", "sku-2")
WHY = "version is 5, expected 2"


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["dead-letters", *arguments, "--data-dir", str(data)], prog_name="inventory")


def miscounted(data: Path, *skus: str) -> None:
    """Append an event whose lines skip versions, as a program would that counts wrong."""
    segment = next((data / "events").glob("*.jsonl"))
    event = orjson.loads(segment.read_bytes().splitlines()[-1])
    before, line = bytes.fromhex(event.pop("chain")), event["lines"][0]
    lines = [{**line, "sku": sku, "onHandDelta": 2, "onHand": 12, "version": 5} for sku in skus]
    body = orjson.dumps({**event, "sequence": event["sequence"] + 1, "lines": lines})[:-1]
    chain = blake2b(before + body, digest_size=16).hexdigest().encode()
    with segment.open("ab") as file:
        file.write(body + b',"chain":"' + chain + b'"}\n')


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """10 of sku-1 and of sku-2."""
    settings = Settings(data_dir=tmp_path)
    prepare(settings)
    services = build_services(settings)
    for item in (ONE, TWO):
        services.stock.change(CountStock(item, 10))
    services.close()
    return tmp_path


@pytest.fixture
def broken(data: Path) -> Path:
    """The same, and event 3 breaks sku-1."""
    miscounted(data, "sku-1")
    return data


def on_hand(data: Path) -> int:
    """What sku-1 has, after it has taken a change."""
    prepare(Settings(data_dir=data))
    services = build_services(Settings(data_dir=data))
    try:
        return services.stock.change(AdjustStock(ONE, 1)).record.on_hand - 1
    finally:
        services.close()


def test_without_dead_letters_list_says_so(data: Path):
    assert (run(data, "list").stdout, run(data, "list").exit_code) == ("There are no dead letters.\n", 0)


def test_list_notes_what_is_new_and_shows_it(broken: Path):
    assert run(broken, "list").stdout == f"event 3  store-1/sku-1  dead  {WHY}\n"
    assert json.loads((broken / "dead-letter.jsonl").read_bytes())["state"] == "dead"


def test_list_as_json_says_everything(broken: Path):
    [letter] = json.loads(run(broken, "list", "--json").stdout)["items"]
    assert (letter["sequence"], letter["before"], letter["reason"]) == (
        3, {"onHand": 10, "reserved": 0, "version": 1}, WHY,
    )  # fmt: skip


@pytest.mark.parametrize(("action", "left"), [("requeue", 12), ("discard", 10)])
def test_a_settled_record_takes_changes_and_has_the_figures_that_were_chosen(broken: Path, action: str, left: int):
    ended = run(broken, action, "3")
    assert ended.exit_code == 0, ended.stderr
    assert on_hand(broken) == left


def test_who_settled_it_and_why_is_told_and_kept_in_the_log(broken: Path):
    ended = run(broken, "discard", "3", "--reason", "the till was mended", "--json")
    me = pwd.getpwuid(os.getuid()).pw_name
    settled = json.loads(ended.stdout)["settled"]
    assert (settled["by"], settled["reason"], settled["sequence"]) == (me, "the till was mended", 4)
    event = orjson.loads(next((broken / "events").glob("*.jsonl")).read_bytes().splitlines()[3])
    assert (event["type"], event["actor"], event["reason"]) == ("record.discarded", me, "the till was mended")


def test_list_shows_a_settled_letter_only_if_all_are_asked_for(broken: Path):
    run(broken, "discard", "3", "--reason", "why")
    assert run(broken, "list").stdout == "There are no dead letters.\n"
    assert f"event 3  store-1/sku-1  discarded  {WHY}  (by " in run(broken, "list", "--all").stdout


def test_a_letter_is_settled_once(broken: Path):
    run(broken, "discard", "3")
    again = run(broken, "requeue", "3")
    assert (again.exit_code, again.stderr) == (1, "Error: the dead letter of event 3 is already discarded\n")


def test_what_is_no_dead_letter_is_refused(broken: Path):
    for arguments in (("discard", "1"), ("requeue", "3", "--item", "store-1/sku-2"), ("discard", "77")):
        ended = run(broken, *arguments)
        assert (ended.exit_code, "is not a dead letter" in ended.stderr) == (1, True)


def test_of_an_event_that_broke_two_records_one_has_to_be_named(data: Path):
    miscounted(data, "sku-1", "sku-2")
    refused = run(data, "discard", "3")
    assert (refused.exit_code, "name one: store-1/sku-1, store-1/sku-2" in refused.stderr) == (1, True)
    assert run(data, "discard", "3", "--item", "store-1/sku-1").exit_code == 0
    assert run(data, "list").stdout == f"event 3  store-1/sku-2  dead  {WHY}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("discard",),
        ("discard", "0"),
        ("discard", "three"),
        ("discard", "3", "--item", "sku-1"),
        ("discard", "3", "--item", "store-1/-"),
        ("discard", "3", "--reason", "two\nlines"),
        ("discard", "3", "--reason", "x" * 201),
        ("bury", "3"),
    ],
)
def test_wrong_usage_changes_nothing(broken: Path, arguments: tuple[str, ...]):
    before = next((broken / "events").glob("*.jsonl")).read_bytes()
    assert run(broken, *arguments).exit_code == 2
    assert next((broken / "events").glob("*.jsonl")).read_bytes() == before


@pytest.mark.parametrize("command", ["list", "requeue", "discard"])
def test_every_one_says_what_its_exit_status_means(command: str, tmp_path: Path):
    assert "Exit status" in run(tmp_path, command, "--help").stdout
