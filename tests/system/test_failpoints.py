"""The server kills itself at each failpoint under load: every confirmed change is there, once."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
from support.client import record_path
from support.folder import Folder, add
from support.given import item
from support.load import PLENTY, Account, Load, assert_exactly_once
from support.running_server import RunningServer

from inventory.resilience.disk import Place
from inventory.settings import Settings
from inventory.verification.verify import verify
from inventory.wiring import layout_of

SKUS = ["hot", "warm", "cold"]
SETTINGS = {"SEGMENT_BYTES": 4096}
OFTEN = SETTINGS | {"SNAPSHOT_EVERY_N_EVENTS": 60, "SYNC_INTERVAL_MS": 50}
"""Every place is reached within a second or two."""


class Reached(NamedTuple):
    """The how many-th time a place kills: in the quick form, and at most in the long one."""

    quick: int
    most: int


TIMES: dict[str, Reached] = {
    "before-append": Reached(7, 40),
    "during-append": Reached(9, 40),
    "after-append": Reached(11, 40),
    "before-sync": Reached(8, 40),
    "after-sync": Reached(10, 40),
    "before-rename": Reached(2, 8),
    "after-rename": Reached(1, 8),
    "in-publish": Reached(4, 16),
    # The first one, of five lines, is taken as soon as a worker is there.
    "in-snapshot": Reached(9, 30),
    "in-compaction": Reached(1, 2),
}


class World:
    """A folder whose server is killed again and again, and the account of all that it ever answered."""

    def __init__(self, data_dir: Path, logs: Path) -> None:
        self.data_dir = data_dir
        self.account = Account()
        self.in_doubt = 0
        self._logs = logs
        self._servers: list[RunningServer] = []

    def kill_at(self, place: str, time: int) -> None:
        """Put a server under load that kills itself at the n-th time; then settle what is in doubt, and check all."""
        armed = self._server(**OFTEN, FAILPOINTS=f"{place}=kill-group@{time}").launch()
        load = Load([armed], self.account, f"load-{len(self._servers)}", SKUS, 8, persistent=False, spread=False)
        assert armed.until_ended(within=60) == -signal.SIGKILL
        load.join()
        self.in_doubt += len(self.account.unknown)

        server = self._server(**SETTINGS).start()

        with server.client() as client:
            self.account.settle(client)
        assert_exactly_once(self.data_dir, self.account, lambda sku: server.get(record_path(sku)))
        server.kill_group()
        assert verify(layout_of(Settings(data_dir=self.data_dir))).problems == []

    def close(self) -> None:
        for server in self._servers:
            server.close()

    def _server(self, **settings: object) -> RunningServer:
        self._servers.append(RunningServer(self.data_dir, self._logs, **settings))
        return self._servers[-1]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with many segments of stock, written so long ago that none of their keys can be asked for any more."""
    folder = Folder(tmp_path_factory.mktemp("history") / "data")
    ledger = folder.start(segment_bytes=4096)
    for number in range(800):
        add(ledger, PLENTY, item(SKUS[number] if number < len(SKUS) else f"other-{number % 120}"))
    folder.close()
    return folder.layout.root


@pytest.fixture
def world(history: Path, tmp_path: Path) -> Iterator[World]:
    shutil.copytree(history, tmp_path / "data")
    made = World(tmp_path / "data", tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_every_place_that_a_server_reaches_is_tried_here():
    # A backup is another process: test_backup.
    assert sorted([*TIMES, "in-backup"]) == sorted(get_args(Place))


@pytest.mark.parametrize("place", TIMES)
def test_a_server_killed_at_a_named_place_has_every_confirmed_change_once(world: World, place: str):
    world.kill_at(place, TIMES[place].quick)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("place", TIMES)
def test_a_server_killed_twenty_times_at_a_named_place_has_every_confirmed_change_once(world: World, place: str):
    for number in range(20):
        world.kill_at(place, 1 + 7 * number % TIMES[place].most)
    assert world.in_doubt, "nothing was in flight"
    # Whatever is lost, there twice, or refuses to start has ended the test before.
    print(f"{place}: 20 kills, {len(world.account.confirmed)} confirmed, {world.in_doubt} in doubt and settled")
