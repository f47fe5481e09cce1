"""The hooks, called as gunicorn calls them, with stand-ins for its master and workers."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import prometheus_client  # noqa: F401 - first here: it looks once for the variable that these tests set
import pytest
from support.gunicorn_stand_ins import WHOLE, master, services, worker

from inventory.eventlog.data_folder import StartRefused, server_presence
from inventory.eventlog.recovery import Recovery
from inventory.server.hooks import METRICS_VARIABLE, Hooks
from inventory.settings import Settings
from inventory.wiring import PRELOADED_STATE, layout_of

pytestmark = pytest.mark.usefixtures("metrics_parent")


def refusing(settings: Settings, error: Exception) -> Hooks:
    def prepare(*_: Any, **__: Any) -> Recovery:
        raise error

    return Hooks(settings, prepare)


def test_a_start_that_is_refused_ends_with_status_1_and_one_line(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        refusing(settings, StartRefused("the log is damaged")).on_starting(master())
    assert (ended.value.code, capsys.readouterr().err) == (1, "inventory: the log is damaged\n")


def test_an_error_of_the_system_is_told_with_the_file_it_is_about(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    full = OSError(28, "No space left on device", "/data/locks/state")
    with pytest.raises(SystemExit):
        refusing(settings, full).on_starting(master())
    assert capsys.readouterr().err == "inventory: /data/locks/state cannot be used: No space left on device\n"


def test_a_refused_start_leaves_no_folder_for_counters(settings: Settings, metrics_parent: Path) -> None:
    with pytest.raises(SystemExit):
        refusing(settings, StartRefused("no")).on_starting(master())
    assert list(metrics_parent.iterdir()) == []


@pytest.mark.parametrize(("pid", "is_left"), [(os.getpid(), False), (1, True)], ids=["its own", "another's"])
def test_a_refused_start_leaves_no_pid_file(settings: Settings, tmp_path: Path, pid: int, is_left: bool) -> None:
    server, file = master(), tmp_path / "pid"
    server.cfg.pidfile = str(file)
    file.write_text(f"{pid}\n")
    with pytest.raises(SystemExit):
        refusing(settings, StartRefused("no")).on_starting(server)
    assert file.exists() == is_left


def test_an_address_that_cannot_be_had_refuses_the_start_before_the_folder_is_touched(settings: Settings) -> None:
    hooks = refusing(settings, AssertionError("the folder was touched"))
    with pytest.raises(SystemExit):
        hooks.on_starting(master(("203.0.113.1", 3000)))


def test_an_address_whose_socket_is_handed_over_is_not_tried(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUNICORN_FD", "5")
    hooks.on_starting(master(("203.0.113.1", 3000)))


def test_preloading_is_refused(hooks: Hooks) -> None:
    server = master()
    server.cfg.preload_app = True
    with pytest.raises(SystemExit):
        hooks.on_starting(server)


def test_the_counters_get_a_fresh_folder_whatever_the_environment_says(hooks: Hooks, metrics_parent: Path) -> None:
    hooks.on_starting(master())
    assert [str(path) for path in metrics_parent.iterdir()] == [os.environ[METRICS_VARIABLE]]


def test_at_the_end_the_folder_of_the_counters_is_gone(hooks: Hooks, metrics_parent: Path) -> None:
    hooks.on_starting(master())
    hooks.on_exit(master())
    assert list(metrics_parent.iterdir()) == []


def test_while_the_server_runs_no_process_gets_the_data_folder_alone(hooks: Hooks, settings: Settings) -> None:
    hooks.on_starting(master())
    with pytest.raises(StartRefused), server_presence(layout_of(settings), alone=True):
        pass


def test_after_the_end_the_data_folder_can_be_had_alone(hooks: Hooks, settings: Settings) -> None:
    hooks.on_starting(master())
    hooks.on_exit(master())
    with server_presence(layout_of(settings), alone=True):
        pass


def test_on_loopback_nothing_is_warned_of(hooks: Hooks, caplog: pytest.LogCaptureFixture) -> None:
    hooks.on_starting(master())
    assert caplog.records == []


def test_a_server_that_strangers_can_reach_is_warned_of(hooks: Hooks, caplog: pytest.LogCaptureFixture) -> None:
    hooks.on_starting(master(("0.0.0.0", 0)))
    assert "does not authenticate callers" in caplog.text


def test_a_tail_that_was_cut_off_is_told_of(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    hooks = Hooks(settings, lambda *_, **__: WHOLE._replace(cut=Path("/data/events/cut")))
    hooks.on_starting(master())
    hooks.on_exit(master())
    assert "/data/events/cut" in caplog.text


@pytest.mark.parametrize(("ahead_ms", "told"), [(60_000, False), (60_001, True), (-(10**9), False)])
def test_a_clock_that_is_ahead_by_more_than_a_minute_is_told_of(
    settings: Settings, caplog: pytest.LogCaptureFixture, ahead_ms: int, told: bool
) -> None:
    hooks = Hooks(settings, lambda *_, **__: WHOLE._replace(ahead_ms=ahead_ms))
    hooks.on_starting(master())
    hooks.on_exit(master())
    assert ("60 seconds ahead of the wall clock of this host" in caplog.text) == told


def test_an_own_worker_begins_with_the_settings_of_its_master(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    forked = worker(core=None, cfg=Mock())
    hooks.post_fork(master(), forked)
    forked.begin.assert_called_once_with(hooks._settings, None)


def test_with_sync_mode_off_no_thread_is_started(settings: Settings) -> None:
    started = worker(wsgi=SimpleNamespace(extensions={"inventory": services()}))
    Hooks(Settings(data_dir=settings.data_dir, sync_mode="off")).post_worker_init(started)
    assert not hasattr(started, "background")


def test_an_own_worker_joins_its_application_and_readiness_names_its_class(settings: Settings) -> None:
    at_work = services()
    started = worker(wsgi=SimpleNamespace(extensions={"inventory": at_work}))
    Hooks(Settings(data_dir=settings.data_dir, sync_mode="off")).post_worker_init(started)
    started.join.assert_called_once_with(at_work)
    assert at_work.serving.worker_class == "inventory"


def test_the_master_may_say_that_a_worker_has_vanished(hooks: Hooks) -> None:
    hooks.worker_exit(master(), worker())


def test_when_a_worker_has_died_the_figures_of_the_living_forget_it(hooks: Hooks, metrics_parent: Path) -> None:
    hooks.on_starting(master())
    folder = next(metrics_parent.iterdir())
    for name in ("gauge_livesum_77.db", "gauge_livesum_78.db", "counter_77.db"):
        (folder / name).touch()
    hooks.child_exit(master(), worker(pid=77))
    assert sorted(path.name for path in folder.glob("*.db")) == ["counter_77.db", "gauge_livesum_78.db"]


def test_each_worker_finds_what_the_start_has_read_and_the_master_keeps_it_no_longer(hooks: Hooks) -> None:
    server, found = master(), []
    server.cfg.workers = 2
    hooks.on_starting(server)
    for _ in range(2):
        hooks.pre_fork(server, worker())
        child = os.fork()
        if not child:
            os._exit(0 if PRELOADED_STATE.take() is WHOLE.folded else 1)
        found.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    assert (found, PRELOADED_STATE.take()) == ([0, 0], None)
