"""tests/support/ports.py: a chosen port stays free for the process that chose it."""

import socket
import subprocess
import sys
from pathlib import Path

from support import ports
from support.ports import free_port

CHOOSE = "from support.ports import free_port; print(free_port())"


def test_no_two_calls_and_no_two_processes_get_the_same_port():
    here = [free_port(), free_port()]
    # This process still has its own.
    elsewhere = subprocess.run(
        [sys.executable, "-c", CHOOSE], cwd=Path(ports.__file__).parents[1], capture_output=True, text=True, check=True
    )
    assert len({*here, int(elsewhere.stdout)}) == 3


def test_the_system_does_not_give_it_to_a_process_that_asks_for_any_port():
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert free_port() < lowest


def test_a_port_that_is_listened_on_is_passed_over():
    taken = free_port()
    with socket.create_server(("127.0.0.1", taken)):
        assert free_port() != taken
