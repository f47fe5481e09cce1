"""The service's time: moving the wall clock ends nothing early, and no event is stamped before the last one."""

import pytest
from support.folder import Folder, Shim, add, failing
from support.given import START

from inventory.domain.errors import StorageUnavailable

HOUR = 3_600_000_000


@pytest.mark.parametrize("moved", [-24 * HOUR, 24 * HOUR])
def test_a_wall_clock_that_is_moved_moves_nothing(folder: Folder, moved: int):
    ledger = folder.start()
    folder.machine.wall_at += moved
    folder.machine.up += 5
    assert [ledger.now(), folder.start().now()] == [START + 5, START + 5]


def test_all_processes_have_one_time(folder: Folder):
    ledgers = [folder.start(), folder.start()]
    folder.machine.up += 17
    assert ledgers[0].now() == ledgers[1].now() == START + 17


def test_after_a_reboot_with_an_earlier_wall_clock_time_goes_on_from_the_last_event(folder: Folder):
    ledger = folder.start()
    folder.machine.up += HOUR
    last = add(ledger).event.at
    folder.close()
    folder.machine.reboot()
    folder.machine.wall_at = START - 24 * HOUR
    ledger = folder.start()
    assert (ledger.now(), add(ledger).event.at) == (last, last)


def test_after_a_reboot_the_wall_clock_counts(folder: Folder):
    add(folder.start())
    folder.close()
    folder.machine.reboot()
    folder.machine.wall_at = START + HOUR
    assert folder.start().now() == START + HOUR


def test_a_wall_clock_that_was_moved_does_not_count_after_a_failed_sync_either(folder: Folder):
    disk = Shim()
    ledger = folder.start(disk)
    disk.instead["fdatasync"] = failing(OSError("injected"), times=1)
    with pytest.raises(StorageUnavailable):
        add(ledger)
    folder.machine.wall_at += 24 * HOUR
    folder.prepare()
    assert ledger.now() == START


def test_a_key_lasts_as_long_as_it_should_whatever_the_wall_clock_does(folder: Folder):
    ledger = folder.start()
    add(ledger, key="k")
    folder.machine.wall_at += 24 * HOUR
    folder.machine.up += 59_000_000
    assert add(ledger, key="k").replayed


def test_a_key_ends_with_its_time(folder: Folder):
    ledger = folder.start()
    add(ledger, key="k")
    folder.machine.up += 60_000_000
    assert not add(ledger, key="k").replayed


def test_events_are_never_stamped_before_the_one_before(folder: Folder):
    ledger = folder.start()
    folder.machine.up = 100
    add(ledger)
    folder.machine.up = 40
    assert add(ledger).event.at == START + 100


def test_a_wall_clock_that_was_never_set_is_no_obstacle(folder: Folder):
    folder.machine.wall_at, folder.machine.up = 0, HOUR
    ledger = folder.start()
    assert (ledger.now(), add(ledger).event.at) == (0, 0)


@pytest.mark.parametrize("reboots", [True, False])
def test_a_start_knows_how_far_the_last_event_is_ahead_of_the_wall_clock(folder: Folder, reboots: bool):
    add(folder.start())
    folder.close()
    if reboots:
        folder.machine.reboot()
    folder.machine.wall_at = START - 24 * HOUR
    assert folder.prepare().ahead_ms == 24 * HOUR // 1000


def test_a_clock_that_is_behind_is_ahead_of_nothing(folder: Folder):
    add(folder.start())
    folder.close()
    folder.machine.wall_at = START + HOUR
    assert folder.prepare().ahead_ms == -HOUR // 1000
