"""Real processes that contend for leases, die with them, or are frozen past their end."""

import os
import signal
from pathlib import Path

import pytest
from support.children import heard, python
from support.given import item
from support.waiting import until

from inventory.domain.commands import AdjustStock, CountStock
from inventory.resilience.host_clock import HostClock
from inventory.resilience.lease import LeaseStore, decode
from inventory.settings import Settings
from inventory.wiring import build_services, prepare

HERE = item()

STORE = """
import os, signal, sys
from pathlib import Path
from inventory.resilience.host_clock import HostClock
from inventory.resilience.disk import Disk
from inventory.resilience.lease import LeaseStore
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
def store(disk=None):
    machine = HostClock()
    return LeaseStore(Path(sys.argv[1]), owner="child", ttl_ms=60_000, boot=str(machine.boot_id()),
                      now=machine.since_boot, disk=disk)
"""
DIES = """
disk = Disk()
{how}
store(disk).acquire("sku-1")
"""
HOW = {
    "before it writes": "disk.write = die",
    "half-way": "disk.write = lambda descriptor, data: (os.write(descriptor, data[:20]), die())",
    "before it has its name": "disk.rename = die",
    "with a torn file": """
def rename(source, target):
    target.write_bytes(source.read_bytes()[:20])
    die()
disk.rename = rename
""",
}


def parents_store(folder: Path) -> LeaseStore:
    machine = HostClock()
    return LeaseStore(folder, owner="parent", ttl_ms=60_000, boot=str(machine.boot_id()), now=machine.since_boot)


def test_of_32_processes_exactly_one_gets_each_lease(tmp_path):
    program = f"""{STORE}
# One pipe for all: they begin together, when it is closed.
reading, writing = os.pipe()
children = []
for _ in range(32):
    pid = os.fork()
    if pid == 0:
        os.close(writing)
        leases = store()
        os.read(reading, 1)
        os._exit(sum(2 ** turn for turn in range(7) if leases.acquire(f"sku-{{turn}}")))
    children.append(pid)
os.close(writing)
print(*[os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children])
"""
    with python(program, tmp_path) as child:
        said, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    won = [int(bits) for bits in said.split()]
    assert len(won) == 32
    assert [sum(bits >> turn & 1 for bits in won) for turn in range(7)] == [1] * 7


@pytest.mark.parametrize("when", HOW)
def test_a_process_killed_inside_the_guard_keeps_no_other_out(tmp_path, when):
    with python(STORE + DIES.format(how=HOW[when]), tmp_path) as child:
        assert child.wait(30) == -signal.SIGKILL
    left = [path for path in tmp_path.iterdir() if path.suffix]
    assert left != [], "the child was killed too early"
    leases = parents_store(tmp_path)
    acquired = leases.acquire("sku-1")
    assert acquired is not None
    assert leases.release(acquired.lease)
    assert [path for path in tmp_path.iterdir() if path.suffix] == []


def test_a_process_killed_with_a_lease_keeps_others_out_until_its_deadline_and_not_longer(tmp_path):
    with python(STORE + 'store().acquire("sku-1")\ndie()', tmp_path) as child:
        assert child.wait(30) == -signal.SIGKILL
    assert parents_store(tmp_path).acquire("sku-1") is None
    machine = HostClock()
    later = LeaseStore(
        tmp_path,
        owner="parent",
        ttl_ms=1000,
        boot=str(machine.boot_id()),
        now=lambda: machine.since_boot() + 60_000_000,
    )
    acquired = later.acquire("sku-1")
    assert acquired is not None
    assert acquired.stolen


# Stops itself with a lease at a place of its own, once for each line that it is given.
HOLDER = """
import os, signal, sys, threading
from pathlib import Path
from support.given import item
from inventory.wiring import build_services
from inventory.domain.commands import AdjustStock
from inventory.domain.errors import LockLost
from inventory.settings import Settings
services = build_services(Settings(data_dir=Path(sys.argv[1]), locks_enabled=True, lock_ttl_ms=150, lock_renew_ms=50))
def frozen_before(place, name):
    real = getattr(place, name)
    def stop(*given):
        if os.path.exists(sys.argv[1] + "/freeze"):
            os.unlink(sys.argv[1] + "/freeze")
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # this very thread goes no further
        return real(*given)
    setattr(place, name, stop)
frozen_before({place})
print("ready", flush=True)
for line in sys.stdin:
    Path(sys.argv[1], "freeze").touch()
    try:
        services.stock.change(AdjustStock(item(), 1000))
        print("changed", flush=True)
    except LockLost:
        print("lost", flush=True)
"""
PLACES = {
    "before the change is queued": 'services.ledger, "submit"',
    "with the append lock": 'services.ledger.changes.committing.store, "begin"',
}
ROUNDS = [pytest.param(5, id="5 times"), pytest.param(50, id="50 times", marks=pytest.mark.long)]


def deadline_of_the_lease(folder: Path) -> int:
    (path,) = folder.glob("*.lease")
    record = decode(path.read_bytes())
    assert record is not None
    return record.deadline


@pytest.mark.slow
@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("place", PLACES)
def test_a_holder_that_was_frozen_past_its_deadline_appends_nothing(tmp_path, place, rounds, show_figures):
    # Its own leases last: this process is not the one that is to be late.
    settings = Settings(data_dir=tmp_path, locks_enabled=True, lock_ttl_ms=60_000)
    prepare(settings)
    services = build_services(settings)
    services.stock.change(CountStock(HERE, 10))
    with python(HOLDER.replace("{place}", PLACES[place]), tmp_path) as child:
        assert heard(child) == "ready"
        for turn in range(rounds):
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
            os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
            deadline = deadline_of_the_lease(tmp_path / "locks")
            until("HostClock().since_boot() > deadline", lambda deadline=deadline: HostClock().since_boot() > deadline)
            if place == "before the change is queued":
                assert services.stock.change(AdjustStock(HERE, 1)).record.version == 2 + turn
            child.send_signal(signal.SIGCONT)
            assert heard(child) == "lost"
            if place == "with the append lock":
                assert services.stock.change(AdjustStock(HERE, 1)).record.version == 2 + turn
    record = services.stock.record(HERE)
    services.close()
    assert (record.on_hand, record.version) == (10 + rounds, 1 + rounds)
    show_figures(
        f"{rounds} holders frozen past their deadline {place}: 0 appends by them, {rounds} by others meanwhile"
    )
    assert list((tmp_path / "locks").glob("*.lease")) == []


@pytest.mark.parametrize("hours", [1, -1, 24, -24])
def test_moving_the_wall_clock_ends_no_lease_early_or_late(folder, hours):
    ledger = folder.start()
    leases = folder.leases(ledger, ttl_ms=2000)
    with leases.holding(["sku-1"]) as held:
        folder.machine.wall_at += hours * 3_600_000_000
        folder.machine.up += 1_999_000
        held.check(ledger.now())
        assert folder.leases(ledger, ttl_ms=2000)._store.acquire("sku-1") is None
        folder.machine.up += 1000
        acquired = folder.leases(ledger, ttl_ms=2000)._store.acquire("sku-1")
        assert acquired is not None
        assert acquired.stolen
