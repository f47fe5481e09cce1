"""Failpoints: the valid specifications, and what happens at each place."""

import ast
import errno
import os
from pathlib import Path
from typing import get_args

import pytest

from inventory.resilience.disk import Disk, Place
from inventory.resilience.failpoints import Failpoint, FaultyDisk, parse_failpoints
from inventory.settings import Settings
from inventory.wiring.build import disk_of

SOURCES = Path(__file__).parents[2] / "inventory"


class Faults:
    """A faulty disk on an open file; sleeping and killing are noted instead."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.slept: list[float] = []
        self.killed: list[int] = []

    def disk(self, specification: str) -> FaultyDisk:
        return FaultyDisk(parse_failpoints(specification), sleep=self.slept.append, kill=self.kill)

    def kill(self, process: int) -> None:
        self.killed.append(process)

    def open(self) -> int:
        return os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT)

    def append(self, disk: Disk, data: bytes = b"12345") -> int:
        descriptor = self.open()
        try:
            return disk.append(descriptor, data)
        finally:
            os.close(descriptor)

    def content(self) -> bytes:
        return self.path.read_bytes()


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    return Faults(tmp_path / "file")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("before-append=kill", Failpoint("before-append", "kill")),
        ("in-publish=kill-group@3", Failpoint("in-publish", "kill-group", 0, 3, 3)),
        ("after-sync=delay:20@2-5", Failpoint("after-sync", "delay", 20, 2, 5)),
        ("before-rename=fail:ENOSPC", Failpoint("before-rename", "fail", errno.ENOSPC)),
    ],
)
def test_a_specification_names_place_action_and_times(text: str, meant: Failpoint):
    assert parse_failpoints(text) == (meant,)


def test_a_specification_may_hold_several_failpoints():
    assert parse_failpoints("in-publish=kill, in-publish=delay:5@1") == (
        Failpoint("in-publish", "kill"),
        Failpoint("in-publish", "delay", 5, 1, 1),
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "''"),
        ("before-append", "<place>=<action>"),
        ("before-append=", "<place>=<action>"),
        ("before-append=kill,", "''"),
        ("before-append=kill@1@2", "<place>=<action>"),
        ("sometime=kill", "names none of the places before-append, during-append"),
        ("before-append=explode", "delay:<ms>"),
        ("before-append=kill:9", "delay:<ms>"),
        ("before-append=delay", "delay:<ms>"),
        ("before-append=delay:0", "delay:<ms>"),
        ("before-append=delay:1.5", "delay:<ms>"),
        ("before-append=fail:EFOO", "errno"),
        ("before-append=fail", "errno"),
        ("before-append=kill@0", "from 1"),
        ("before-append=kill@5-4", "ascending"),
        ("before-append=kill@1-", "from 1"),
        ("before-append=kill@n", "from 1"),
    ],
)
def test_what_is_no_specification_is_refused_with_the_part_that_is_wrong(text: str, named: str):
    with pytest.raises(ValueError, match=r"^valid: ") as refusal:
        parse_failpoints(text)
    assert named in str(refusal.value)


@pytest.mark.parametrize(
    "text", ["before-append=kill", "in-publish=delay:7@2-5", "after-sync=fail:EIO@3-3", "in-snapshot=kill-group"]
)
def test_a_failpoint_is_shown_as_it_was_given(text: str):
    assert str(parse_failpoints(text)[0]) == text


@pytest.mark.parametrize(
    ("times", "happens"), [("", [1, 2, 3, 4, 5]), ("@3", [3]), ("@2-4", [2, 3, 4]), ("@5-9", [5]), ("@6", [])]
)
def test_it_happens_the_times_that_were_asked_for(faults: Faults, times: str, happens: list[int]):
    disk, found = faults.disk(f"in-publish=kill{times}"), []
    for time in range(1, 6):
        before = len(faults.killed)
        disk.reach("in-publish")
        if len(faults.killed) > before:
            found.append(time)
    assert found == happens


def test_each_failpoint_counts_its_own_place(faults: Faults):
    disk = faults.disk("in-publish=delay:1000@2,in-snapshot=delay:2000@1")
    disk.reach("in-publish")
    disk.reach("in-snapshot")
    disk.reach("in-publish")
    assert faults.slept == [2.0, 1.0]


def test_a_delay_is_in_milliseconds_and_lets_the_work_go_on(faults: Faults):
    assert faults.append(faults.disk("before-append=delay:20")) == 5
    assert (faults.slept, faults.content()) == ([0.02], b"12345")


def test_kill_is_for_this_process_and_kill_group_for_its_group(faults: Faults):
    disk = faults.disk("in-publish=kill,in-snapshot=kill-group")
    disk.reach("in-publish")
    disk.reach("in-snapshot")
    assert faults.killed == [os.getpid(), 0]


@pytest.mark.parametrize(
    ("place", "left"), [("before-append", b""), ("during-append", b"12"), ("after-append", b"12345")]
)
def test_a_failure_leaves_what_an_append_had_written_by_then(faults: Faults, place: str, left: bytes):
    with pytest.raises(OSError, match=rf"injected, {place}") as failure:
        faults.append(faults.disk(f"{place}=fail:ENOSPC"))
    assert (failure.value.errno, faults.content()) == (errno.ENOSPC, left)


def test_a_kill_in_the_middle_of_an_append_finds_half_of_it_written(faults: Faults):
    seen: list[bytes] = []
    disk = FaultyDisk(parse_failpoints("during-append=kill"), kill=lambda _: seen.append(faults.content()))
    assert faults.append(disk) == 5
    assert (seen, faults.content()) == ([b"12"], b"12345")


class Interrupted(FaultyDisk):
    """Fails at the system's call itself, so that what comes before it and what after it can be told apart."""

    def fdatasync(self, descriptor: int) -> None:
        os.close(descriptor)
        super().fdatasync(descriptor)


@pytest.mark.parametrize(("place", "slept"), [("before-sync", [0.001]), ("after-sync", [])])
def test_a_sync_has_a_place_before_it_and_one_after_it(faults: Faults, place: str, slept: list[float]):
    disk = Interrupted(parse_failpoints(f"{place}=delay:1"), sleep=faults.slept.append)
    with pytest.raises(OSError, match="Bad file descriptor"):
        disk.fdatasync(faults.open())
    assert faults.slept == slept


@pytest.mark.parametrize(("place", "old_name"), [("before-rename", True), ("after-rename", False)])
def test_a_rename_has_a_place_before_it_and_one_after_it(faults: Faults, place: str, *, old_name: bool):
    faults.path.touch()
    with pytest.raises(OSError, match=place):
        faults.disk(f"{place}=fail:EIO").rename(faults.path, faults.path.with_name("new"))
    assert faults.path.exists() is old_name


def test_every_place_is_reached_somewhere_and_nothing_reaches_another():
    reached = {
        node.args[0].value
        for path in SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "reach"
        if isinstance(node.args[0], ast.Constant)
    }
    assert reached == set(get_args(Place))


def test_without_failpoints_the_disk_knows_nothing_of_them():
    assert type(disk_of(Settings())) is Disk


def test_a_process_with_failpoints_says_so(caplog: pytest.LogCaptureFixture):
    disk_of(Settings(failpoints=parse_failpoints("in-publish=fail:EIO@2-4")))
    assert "in-publish=fail:EIO@2-4" in caplog.text
