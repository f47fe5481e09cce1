"""A folder that the version before has made, as it is kept in tests/data: also for clones without that version."""

import json
from pathlib import Path

import pytest
from support import kept_folder
from support.changed_answers import unexplained
from support.conversation import Talk, assert_replayed, differences, look
from support.running_server import Serve, assert_whole, run_command


@pytest.fixture
def kept(data_dir: Path) -> Path:
    kept_folder.copy_to(data_dir)
    return data_dir


def test_the_kept_folder_is_whole_before_the_first_start_and_after_it(kept: Path, serve: Serve):
    assert_whole(kept)
    assert serve().end() == 0
    assert_whole(kept)


def test_the_kept_folder_is_read_and_its_keys_are_replayed_as_when_it_was_made(kept: Path, serve: Serve):
    with serve().client() as client:
        talk = Talk(client)
        look(talk)
        assert_replayed(kept_folder.said("changes"), client)

    assert unexplained(differences(kept_folder.said("reads"), talk.said)) == []


def test_the_stock_of_the_kept_folder_is_the_same_without_its_derived_files(kept: Path):
    before = run_command(kept, "export")
    assert run_command(kept, "rebuild", "--yes").returncode == 0
    after = run_command(kept, "export")

    assert after.stdout == before.stdout
    published = json.loads((kept_folder.KEPT / "store-inventory.json").read_text())
    assert len(after.stdout.splitlines()) == 1 + len(published["records"])
