"""``inventory worker``: where it does not start, and how it ends."""

import os
import signal
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from click.testing import CliRunner, Result
from support.waiting import until

from inventory.cli.main import main
from inventory.eventlog.data_folder import server_presence
from inventory.server.periodic_jobs import DIED, TOLD, told_by_signals, work
from inventory.settings import Settings
from inventory.wiring import layout_of


def worker(data: Path) -> Result:
    return CliRunner().invoke(main, ["worker", "--data-dir", str(data)], prog_name="inventory")


def test_while_the_folder_is_being_rebuilt_it_is_refused(data: Path) -> None:
    with server_presence(layout_of(Settings(data_dir=data)), alone=True):
        ended = worker(data)
    assert (ended.exit_code, "it is being rebuilt" in ended.stderr) == (1, True)


def test_on_a_network_file_system_it_is_refused_with_its_name(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # By its name: the package has a function of the same name.
    monkeypatch.setattr(sys.modules["inventory.eventlog.data_folder"], "network_file_system", lambda _: "nfs4")
    ended = worker(data)
    assert (ended.exit_code, "network file system (nfs4)" in ended.stderr) == (1, True)


def test_a_damaged_log_is_refused(data: Path) -> None:
    (data / "events").mkdir()
    (data / "events" / f"{1:020}.jsonl").write_bytes(b"{}\n")
    ended = worker(data)
    assert (ended.exit_code, "The event log is damaged" in ended.stderr) == (1, True)


def test_told_to_end_it_has_published_and_its_status_is_0(data: Path) -> None:
    assert CliRunner().invoke(main, ["seed", "--data-dir", str(data)]).exit_code == 0

    def end() -> None:
        until("it publishes", (data / "central-inventory.json").exists)
        os.kill(os.getpid(), signal.SIGTERM)

    ending = threading.Thread(target=end)
    ending.start()
    ended = worker(data)
    ending.join()
    assert ended.exit_code == 0


def services() -> SimpleNamespace:
    return SimpleNamespace(settings=Settings(), sync=Mock(age_ms=lambda: 5), periodic_actions=dict)


@pytest.mark.parametrize(("ending", "as_told"), [(TOLD, True), (DIED, False)])
def test_it_publishes_a_last_time_only_if_it_was_told_to_end(ending: str, as_told: bool) -> None:
    made = services()
    with told_by_signals() as endings:
        endings.put(ending)
        assert work(made, endings) is as_told
    assert made.sync.sync_once.called is as_told


def test_a_second_signal_is_not_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    with told_by_signals() as endings:
        signal.raise_signal(signal.SIGTERM)
        assert endings.get_nowait() == TOLD
        assert signal.getsignal(signal.SIGINT) == signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
