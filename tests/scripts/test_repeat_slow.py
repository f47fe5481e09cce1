"""scripts/repeat_slow.py: the list of runs outlives an interruption, and names the unreliable tests."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import repeat_slow
from repeat_slow import Run, load, outcome, repeat, runs_of, still_to_do, verdict
from support.processes import is_alive
from support.waiting import until

GREEN = Run("abc", (), False, "2026-01-01T00:00:00+00:00", 60.0, 0, 9, 1, ())
RED = replace(GREEN, status=1, failed=("tests/a.py::test_x",))

REPORT = """<testsuites><testsuite>
<testcase classname="tests.system.test_a" name="test_good"/>
<testcase classname="tests.system.test_a" name="test_skipped"><skipped/></testcase>
<testcase classname="tests.system.test_a" name="test_bad[1]"><failure/></testcase>
<testcase classname="tests.system.test_b" name="test_broken"><error/></testcase>
</testsuite></testsuites>"""


class HostClock:
    """Runs that take no time. ``interrupt_at`` is the number of the one that is interrupted."""

    def __init__(self, interrupt_at: int = 0, red_at: int = 0) -> None:
        self.loads: list[bool] = []
        self._interrupt_at, self._red_at = interrupt_at, red_at

    def once(self, commit: str, tests: Sequence[str], beside_load: bool) -> Run:
        if len(self.loads) + 1 == self._interrupt_at:
            raise KeyboardInterrupt
        self.loads.append(beside_load)
        run = RED if len(self.loads) == self._red_at else GREEN
        return replace(run, commit=commit, tests=tuple(tests), beside_load=beside_load)


def test_ten_runs_are_made_of_which_every_second_one_is_beside_a_load(tmp_path: Path):
    machine = HostClock()
    done = repeat(tmp_path / "list", "abc", [], 10, 5, machine.once)

    assert machine.loads == [False, True] * 5
    assert (len(done), verdict(done)) == (10, "10 of 10 runs green, 5 of them beside a load")


def test_after_an_interruption_only_what_is_missing_is_run(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        repeat(tmp_path / "list", "abc", [], 10, 5, HostClock(interrupt_at=4).once)

    machine = HostClock()
    done = repeat(tmp_path / "list", "abc", [], 10, 5, machine.once)

    assert (len(machine.loads), machine.loads.count(True)) == (7, 4)
    assert [run.beside_load for run in done].count(True) == 5
    assert repeat(tmp_path / "list", "abc", [], 10, 5, HostClock(interrupt_at=1).once) == done


def test_a_run_counts_for_its_commit_and_its_tests_alone(tmp_path: Path):
    repeat(tmp_path / "list", "abc", [], 2, 1, HostClock().once)

    assert runs_of(tmp_path / "list", "abc", ["tests/system"]) == []
    assert runs_of(tmp_path / "list", "abd", []) == []
    assert len(runs_of(tmp_path / "list", "abc", [])) == 2


def test_a_line_that_was_not_written_to_its_end_is_no_run_and_harms_no_other(tmp_path: Path):
    path = tmp_path / "list"
    repeat(path, "abc", [], 2, 1, HostClock().once)
    with path.open("a") as file:
        file.write('{"commit": "ab')

    machine = HostClock()
    done = repeat(path, "abc", [], 3, 1, machine.once)

    assert machine.loads == [False]
    assert runs_of(path, "abc", []) == done


def test_what_failed_is_told_with_how_often_and_beside_what():
    told = verdict([GREEN, RED, replace(RED, beside_load=True), replace(GREEN, status=3, passed=0)])

    assert told.splitlines() == [
        "1 of 4 runs green, 1 of them beside a load",
        "  tests/a.py::test_x: failed in 2 runs, 1 of them beside a load",
        "  the run of 2026-01-01T00:00:00+00:00 ended with status 3 and 0 tests passed",
    ]


@pytest.mark.parametrize("run", [RED, replace(GREEN, status=5), replace(GREEN, passed=0)])
def test_a_run_in_which_nothing_passed_or_something_failed_is_not_green(run: Run):
    assert not run.is_green


def test_the_report_of_pytest_is_read(tmp_path: Path):
    (tmp_path / "report.xml").write_text(REPORT)

    assert outcome(tmp_path / "report.xml") == (
        1,
        1,
        ("tests/system/test_a.py::test_bad[1]", "tests/system/test_b.py::test_broken"),
    )
    assert outcome(tmp_path / "none") == (0, 0, ())


def test_a_load_has_a_process_for_each_core_and_leaves_none(monkeypatch: pytest.MonkeyPatch):
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(*given: object, **named: object) -> "subprocess.Popen[bytes]":
        started.append(popen(*given, **named))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    with load(True):
        assert [process.poll() for process in started] == [None] * len(os.sched_getaffinity(0))
    assert all(process.returncode is not None for process in started)
    with load(False):
        assert len(started) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("red_at", "status"), [(0, 0), (2, 1)])
def test_the_status_tells_whether_all_were_green(
    red_at: int, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    machine = HostClock(red_at=red_at)
    monkeypatch.setattr(repeat_slow.repeat, "__defaults__", (machine.once,))
    monkeypatch.setattr(repeat_slow, "_commit", lambda: "abc")

    assert repeat_slow.main([str(tmp_path / "list"), "--runs", "2", "--beside-load", "1"]) == status
    assert len(machine.loads) == 2


def test_what_stands_behind_two_dashes_is_given_to_pytest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(repeat_slow.repeat, "__defaults__", (HostClock().once,))
    monkeypatch.setattr(repeat_slow, "_commit", lambda: "abc")

    repeat_slow.main([str(tmp_path / "list"), "--runs", "1", "--beside-load", "0", "--", "tests/system", "-k", "x"])

    assert len(runs_of(tmp_path / "list", "abc", ["tests/system", "-k", "x"])) == 1


def test_an_interruption_ends_with_status_130(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(repeat_slow.repeat, "__defaults__", (HostClock(interrupt_at=1).once,))
    monkeypatch.setattr(repeat_slow, "_commit", lambda: "abc")
    assert repeat_slow.main([str(tmp_path / "list")]) == 130


def test_more_runs_beside_a_load_than_runs_are_wrong_usage(tmp_path: Path):
    with pytest.raises(SystemExit):
        repeat_slow.main([str(tmp_path / "list"), "--runs", "2", "--beside-load", "3"])
    assert still_to_do([], 0, 0) == []


@pytest.mark.slow
def test_sigterm_is_an_interruption_too_and_ends_the_tests_that_run(tmp_path: Path):
    marker, test = tmp_path / "begun", tmp_path / "test_endless.py"
    test.write_text(
        "import os, pathlib, pytest, time\n@pytest.mark.slow\ndef test_endless():\n"
        f"    pathlib.Path({str(marker)!r}).write_text(str(os.getpid()))\n    time.sleep(100)\n"
    )
    program = [sys.executable, repeat_slow.__file__, tmp_path / "list", "--runs", "1", "--beside-load", "0", "--", test]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        until("the test has begun", lambda: marker.exists() and marker.read_text())
        running.terminate()
        assert running.wait(60) == 130
    until("the test has ended", lambda: not is_alive(int(marker.read_text())))
    assert not (tmp_path / "list").exists()
