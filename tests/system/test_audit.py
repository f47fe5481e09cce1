"""The audit of a real server: nothing drifts under load, answers go on, and its process ends with its parent."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.client import Answer, stock
from support.load import PLENTY, Account, under_load
from support.processes import children, is_alive
from support.running_server import RunningServer
from support.waiting import until

LISTENS_AND_AUDITS = """
import socket, sys
from inventory.resilience.child_process import run_module
listener = socket.create_server(("127.0.0.1", 0))
listener.set_inheritable(True)
run_module("inventory.verification.audit_child", sys.argv[1:], seconds=60)
"""


def audited(server: RunningServer) -> Answer:
    """Ask until it is done: on cores that are all busy one may take longer than it is given."""

    def asked() -> Answer | None:
        with server.client(timeout=90) as client:
            answer = client.get("/audit/verify")
        assert answer.status in (200, 503), answer
        return answer if answer.status == 200 else None

    answer = until("an audit is done", asked, within=200, pause=0.1)
    assert answer is not None
    return answer


@pytest.mark.timeout(300)
def test_under_load_an_audit_finds_no_drift_and_changes_go_on(server: RunningServer):
    with server.client() as client:
        for sku in ("sku-1", "sku-2"):
            stock(client, sku, PLENTY)
        client.post("/reservations", {"lines": [{"storeId": "store-1", "sku": "sku-1", "qty": 3}]})
    account = Account()
    with under_load(server, account=account, name="audited", skus=["sku-1", "sku-2"]) as load:
        load.until_confirmed(50)
        before = len(account.confirmed)
        found = audited(server).json
        assert len(account.confirmed) > before
        load.until_confirmed(20)
    assert (found["ok"], found["drift"], found["problems"], found["fromSequence"]) == (True, [], [], 1)
    assert found["checkedSequence"] > 50
    assert [child for worker in server.workers() for child in children(worker)] == []


def nice_value(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[16])


def opened_files(pid: int) -> list[str]:
    return [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]


def opened_by_a_reader(fifo: Path) -> int:
    """The other end of a FIFO that a process opens to read, or has opened; 0 before that."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return 0


def test_the_process_of_an_audit_has_no_socket_and_ends_when_its_parent_is_killed(tmp_path: Path):
    image = tmp_path / "image"
    os.mkfifo(image)  # a process that reads it waits for ever
    parent = subprocess.Popen([sys.executable, "-c", LISTENS_AND_AUDITS, str(tmp_path), str(image)])
    try:
        child = until("it has a child", lambda: children(parent.pid))[0]
        # Before that it still opens and closes files, its modules; from then on it waits for what is in the image.
        writing = until("the child opens the image", lambda: opened_by_a_reader(image))
        until("the child reads the image", lambda: str(image) in opened_files(child))
        opened = opened_files(child)
        assert [target for target in opened if target.startswith("socket:")] == []
        assert nice_value(child) >= 10
        os.kill(parent.pid, signal.SIGKILL)
        until("the child is gone too", lambda: not is_alive(child))
        os.close(writing)
    finally:
        parent.kill()
        parent.wait()
