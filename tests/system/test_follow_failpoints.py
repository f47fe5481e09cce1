"""A follower that is killed at each named place of a pass: the backup is valid, and the next one goes on."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.backup_copies import log_in, log_of
from support.running_follower import RunningFollower
from support.waiting import until

from inventory.backup.manifest import NoManifest, read_manifest
from inventory.backup.proof import prove
from inventory.domain.commands import CountStock
from inventory.domain.values import item_id
from inventory.eventlog.layout import Layout
from inventory.settings import Settings
from inventory.wiring import build_services, layout_of, prepare

PLACES = ("in-backup", "before-sync", "after-sync", "before-rename", "after-rename")
TIMES = (1, 2, 5)


class Source:
    """A data folder with small segments, to which this process adds changes."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(data_dir=folder, segment_bytes=4096)
        folder.mkdir()
        prepare(settings)
        self.services, self.layout = build_services(settings), layout_of(settings)

    def change(self, many: int) -> None:
        for number in range(many):
            self.services.stock.change(CountStock(item_id("store-1", f"sku-{number}"), number))

    def snapshot(self) -> None:
        assert self.services.maintenance is not None
        self.services.maintenance.run_once()


@pytest.fixture
def source(data_dir: Path) -> Iterator[Source]:
    made = Source(data_dir)
    yield made
    made.services.close()


@pytest.fixture
def follow(tmp_path: Path, data_dir: Path) -> Iterator[Callable[..., RunningFollower]]:
    followers: list[RunningFollower] = []

    def start(**settings: object) -> RunningFollower:
        followers.append(RunningFollower(data_dir, tmp_path / "target", tmp_path, **settings))
        return followers[-1]

    yield start
    for follower in followers:
        follower.kill()


def assert_valid_prefix(target: Path, layout: Layout) -> None:
    """What is in the target is proven by its manifest, and is the beginning of the log."""
    try:
        manifest = read_manifest(target)
    except NoManifest:
        assert not (target / "segments").exists(), "it was killed before its first manifest, and left files"
        return
    assert prove(target, manifest).damage == []
    if manifest.last:
        assert log_in(layout).startswith(log_of(target))


def changed_until_ended(source: Source, follower: RunningFollower) -> None:
    def has_ended() -> bool:
        source.change(2)
        return follower.has_ended()

    until("it is killed", has_ended, pause=0.05)


@pytest.mark.parametrize("place", PLACES)
def test_a_follower_killed_at_a_named_place_leaves_a_valid_backup_and_the_next_one_goes_on(
    source: Source, follow: Callable[..., RunningFollower], tmp_path: Path, place: str
):
    killed = 0
    for time in TIMES:
        source.change(15)
        source.snapshot()
        follower = follow(FAILPOINTS=f"{place}=kill@{time}")
        # Each pass with something new reaches the place.
        changed_until_ended(source, follower)
        killed += follower.status() == -signal.SIGKILL
        assert_valid_prefix(tmp_path / "target", source.layout)
    assert killed == len(TIMES)

    follower = follow()
    follower.until_copied(15)
    assert follower.end() == 0
    assert log_of(tmp_path / "target") == log_in(source.layout)
