"""Disks that are really full, and a process that has really reached its file size limit."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from support.children import run_on
from support.folder import ONE, Folder, add
from support.given import item

from inventory.domain.commands import CountStock
from inventory.domain.errors import StorageUnavailable
from inventory.eventlog.data_folder import StartRefused
from inventory.eventlog.ledger import FileLedger
from inventory.resilience.disk import Disk
from inventory.wiring import build_services, prepare

SPACE = 96 * 1024

LIMITED = """
import resource
from inventory.domain.errors import StorageUnavailable
from inventory.resilience.disk import Disk
ledger = folder.open(Disk())
add(ledger, 5)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))
for _ in range(3):
    try:
        while True:
            add(ledger)
    except StorageUnavailable as error:
        say(error.outcome)
say(ledger.record(ONE).on_hand)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
say(add(ledger).record.on_hand)
"""


@pytest.mark.parametrize("limit", range(5000, 5441, 110))
def test_a_process_that_may_write_no_more_says_so_and_harms_nothing(folder: Folder, limit: int):
    folder.prepare()
    status, (*outcomes, before, after) = run_on(folder, LIMITED.format(limit=limit))
    assert (status, outcomes, int(after)) == (0, ["none"] * 3, int(before) + 1)
    assert folder.open().record(ONE).on_hand == int(after)
    assert (folder.verify().problems, folder.log().count(b"\n")) == ([], int(after) - 4)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with very little space."""
    point = tmp_path / "small"
    point.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SPACE}", "tmpfs", str(point)]
    if os.getuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system takes root and the right to mount")
    yield point
    subprocess.run(["umount", "--lazy", str(point)], check=True)


@pytest.fixture
def on_small_disk(small_disk: Path) -> Iterator[Folder]:
    folder = Folder(small_disk)
    yield folder
    folder.close()


def fill(folder: Path) -> Path:
    """Take all the space that is left."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return ballast


def add_until_full(ledger: FileLedger) -> tuple[int, str]:
    """How many changes were confirmed, and what was said of the one that was not."""
    for confirmed in range(10_000):
        try:
            add(ledger)
        except StorageUnavailable as error:
            return confirmed, error.outcome
    raise AssertionError("the disk is not full")


def test_on_a_full_disk_no_change_is_confirmed_and_the_log_is_valid(on_small_disk: Folder):
    ledger = on_small_disk.start(Disk())
    add(ledger)
    fill(on_small_disk.layout.root)
    more, outcome = add_until_full(ledger)
    confirmed = 1 + more
    assert (more > 0, outcome) == (True, "none")
    assert [process.record(ONE).on_hand for process in (ledger, on_small_disk.open())] == [confirmed] * 2
    assert (on_small_disk.verify().problems, on_small_disk.log().count(b"\n")) == ([], confirmed)


def test_when_there_is_space_again_writing_goes_on(on_small_disk: Folder):
    ledger = on_small_disk.start(Disk())
    ballast = fill(on_small_disk.layout.root)
    confirmed, _ = add_until_full(ledger)
    ballast.unlink()
    assert add(ledger).record.on_hand == confirmed + 1
    assert on_small_disk.verify().ok


def test_a_server_starts_on_a_full_disk_and_serves_what_is_there(on_small_disk: Folder):
    confirmed, _ = add_until_full(on_small_disk.start(Disk()))
    on_small_disk.close()
    on_small_disk.machine.reboot()
    assert on_small_disk.start(Disk()).record(ONE).on_hand == confirmed


def test_views_on_a_full_disk_are_unharmed(small_disk: Path):
    settings = Folder(small_disk).settings
    prepare(settings)
    services = build_services(settings)
    services.stock.change(CountStock(ONE, 1))
    services.sync.sync_once()
    before = (small_disk / "central-inventory.json").read_bytes()
    services.stock.change(CountStock(item("s" * 60), 1))
    fill(small_disk)
    with pytest.raises(StorageUnavailable, match="No space"):
        services.sync.sync_once()
    services.close()
    assert (small_disk / "central-inventory.json").read_bytes() == before


def test_a_first_start_on_a_full_disk_is_refused(small_disk: Path):
    fill(small_disk)
    with pytest.raises(StartRefused, match="No space left"):
        prepare(Folder(small_disk).settings)
