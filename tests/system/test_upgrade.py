"""An upgrade from the version before to this one: its folder, its requests, its commands."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.changed_answers import CHANGED_ANSWERS, unexplained
from support.conversation import Said, Talk, assert_replayed, differences, fill, look, trade
from support.running_server import RunningServer, Serve, assert_whole, run_command

SETTINGS = {"SEGMENT_BYTES": 4096, "SYNC_INTERVAL_MS": 100}


class Lived(NamedTuple):
    """A folder of the version before; what its requests were answered, and what its reads say of the folder now."""

    folder: Path
    changes: list[Said]
    reads: list[Said]


@pytest.fixture(scope="session")
def lived(version_before: Path, tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """Made with the version before, through its HTTP API: log, archive, snapshots, views, shared header."""
    home = tmp_path_factory.mktemp("lived")
    folder = home / "data"
    server = RunningServer(folder, home, PYTHONPATH=version_before, **SETTINGS)
    try:
        changes, reads = talked(server.start(), folder, PYTHONPATH=version_before)
        assert server.end() == 0
    finally:
        server.close()
    assert list((folder / "snapshots").iterdir()), "no snapshot was taken"
    return Lived(folder, changes, reads)


def talked(server: RunningServer, folder: Path, **program: object) -> tuple[list[Said], list[Said]]:
    """Change everything there is to change, compact what came first, and read."""

    def compact() -> None:
        # In an hour no key is left that would keep a segment from the archive; here it takes a millisecond.
        done = run_command(folder, "archive", "--snapshot", IDEMP_TTL_MS=1, RESERVATION_KEEP_MS=1, **program)
        assert done.returncode == 0, done.stderr

    with server.client() as client:
        talk = Talk(client)
        fill(talk, compact)
        trade(talk)
        reads = Talk(client)
        look(reads)
    assert list((folder / "archive").glob("*.gz")), "nothing was compacted"
    return talk.said, reads.said


@pytest.fixture
def folder(lived: Lived, data_dir: Path) -> Path:
    """The folder of the version before, for this test alone."""
    shutil.copytree(lived.folder, data_dir)
    return data_dir


def without_the_moment(said: Sequence[Said]) -> list[Said]:
    """Without what goes on with the log: how many events there are by now."""

    def plain(answer: Any) -> Any:
        body = re.sub(rb'"(asOfSequence|sequence|limit)":\d+', rb'"\1":0', answer.body)
        return answer._replace(body=body)

    return [one._replace(answer=plain(one.answer)) for one in said]


def test_a_difference_is_explained_by_a_row_of_the_changelog_and_by_nothing_else(monkeypatch: pytest.MonkeyPatch):
    title = "record: GET /stores: /body/title was 'a', is 'b'"
    assert unexplained([title, "record: GET /stores: /status was 200, is 404"]) == [
        "record: GET /stores: /status was 200, is 404"
    ]
    monkeypatch.setitem(CHANGED_ANSWERS, r"/(title|detail|message) was ", "a row that does not exist")
    assert unexplained([title]) == [title]


def test_requests_of_the_version_before_get_the_answers_that_they_got(lived: Lived, serve: Serve, data_dir: Path):
    changes, reads = talked(serve(**SETTINGS), data_dir)

    assert unexplained(differences([*lived.changes, *lived.reads], [*changes, *reads])) == []


def test_a_folder_of_the_version_before_is_whole_before_the_first_start_and_after_it(folder: Path, serve: Serve):
    assert_whole(folder)
    server = serve(**SETTINGS)
    assert server.end() == 0
    assert_whole(folder)


def test_reads_of_a_folder_of_the_version_before_say_what_they_said(folder: Path, lived: Lived, serve: Serve):
    with serve(**SETTINGS).client() as client:
        talk = Talk(client)
        look(talk)

    assert unexplained(differences(without_the_moment(lived.reads), without_the_moment(talk.said))) == []


def test_keys_of_the_version_before_replay_their_answers_to_the_byte(folder: Path, lived: Lived, serve: Serve):
    with serve(**SETTINGS).client() as client:
        assert_replayed(lived.changes, client)


def test_without_its_derived_files_a_folder_of_the_version_before_is_the_same(folder: Path, lived: Lived, serve: Serve):
    assert run_command(folder, "rebuild", "--yes").returncode == 0
    with serve(**SETTINGS).client() as client:
        talk = Talk(client)
        look(talk)
        assert_replayed(lived.changes, client)

    assert unexplained(differences(without_the_moment(lived.reads), without_the_moment(talk.said))) == []


COMMANDS = (
    ("verify",),
    ("verify", "--json"),
    ("sync", "--json"),
    ("sync", "--force"),
    ("export",),
    ("export", "stock.csv", "--json"),
    ("archive", "--json"),
    ("archive", "--snapshot", "--json"),
    ("archive", "--keep", "1"),
    ("dead-letters", "list", "--all", "--json"),
    ("import", "stock.csv", "--dry-run", "--json"),
    ("import", "stock.csv", "--again", "--json"),
)
"""What run.md of the version before documents for a folder that is there, in the order of a night's work."""


def shape(told: Any) -> Any:
    """The members of JSON, whatever their values are."""
    if isinstance(told, dict):
        return {name: shape(value) for name, value in told.items()}
    return [shape(told[0])] if isinstance(told, list) and told else type(told).__name__


def lacks(before: Any, now: Any) -> bool:
    """Whether members of the one are not in the other."""
    if isinstance(before, dict) and isinstance(now, dict):
        return any(name not in now or lacks(value, now[name]) for name, value in before.items())
    if isinstance(before, list) and isinstance(now, list):
        return lacks(before[0], now[0])
    return bool(before != now)


def test_commands_of_the_version_before_end_as_they_did_with_the_same_members(
    folder: Path, lived: Lived, version_before: Path, tmp_path: Path
):
    """The texts for people may change; the status, JSON and CSV are what a cron job rests on."""
    (tmp_path / "before").mkdir()
    other = shutil.copytree(lived.folder, tmp_path / "before" / "data")
    for command in COMMANDS:
        before = run_command(other, *command, PYTHONPATH=version_before)
        now = run_command(folder, *command)
        assert (command, now.returncode) == (command, before.returncode), now.stderr
        if "--json" in command:
            assert not lacks(shape(json.loads(before.stdout)), shape(json.loads(now.stdout))), (command, now.stdout)
        if command == ("export",):
            assert now.stdout == before.stdout
    assert (folder.parent / "stock.csv").read_bytes() == (other.parent / "stock.csv").read_bytes()
