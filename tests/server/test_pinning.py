"""Which core a worker is pinned to, and what the kernel then reports."""

import os
import threading
from collections import Counter
from pathlib import Path

import pytest

from inventory.server import pinning
from inventory.server.pinning import CorePlan, pin, pinned_processes


def plan(mode: str = "auto", cores: tuple[int, ...] = (4, 5), others: dict[int, int] | None = None) -> CorePlan:
    return CorePlan(mode, cores, lambda: Counter(others or {}))


def test_each_of_two_workers_gets_a_core_of_its_own() -> None:
    cores = plan()
    first = cores.core_for_next([], 2)
    second = cores.core_for_next([first], 2)
    assert {first, second} == {4, 5}


def test_a_worker_that_takes_the_place_of_a_dead_one_gets_the_core_that_is_free() -> None:
    assert plan().core_for_next([5], 2) == 4


def test_on_a_reload_the_new_workers_spread_out_as_the_old_ones_do() -> None:
    cores = plan()
    taken: list[int | None] = [4, 5]
    for _ in range(2):
        taken.append(cores.core_for_next(taken, 2))
    assert Counter(taken) == {4: 2, 5: 2}


def test_two_servers_with_one_worker_each_take_different_cores() -> None:
    assert plan(others={4: 1}).core_for_next([], 1) == 5


def test_the_masters_own_workers_count_before_those_of_other_servers() -> None:
    assert plan(others={4: 1, 5: 7}).core_for_next([4], 2) == 5


def test_more_workers_than_cores_are_not_pinned() -> None:
    assert plan().core_for_next([], 3) is None


def test_workers_that_are_not_pinned_take_no_core() -> None:
    assert plan(others={4: 1}).core_for_next([None, 5], 2) == 4


def test_off_pins_none() -> None:
    assert plan("off").core_for_next([], 1) is None


def test_on_pins_even_more_workers_than_cores() -> None:
    assert plan("on").core_for_next([4, 5, 4], 4) == 5


def test_on_one_core_the_master_does_not_look_for_other_servers() -> None:
    def must_not_be_called() -> Counter[int]:
        raise AssertionError

    assert CorePlan("auto", [7], must_not_be_called).core_for_next([], 1) == 7


def test_threads_that_a_pinned_thread_starts_stay_on_its_core() -> None:
    core = max(os.sched_getaffinity(0))
    seen: list[set[int]] = []

    def pinned() -> None:  # a thread's own, so that the test's process keeps its cores
        pin(core)
        inner = threading.Thread(target=lambda: seen.append(os.sched_getaffinity(0)))
        inner.start()
        inner.join()

    outer = threading.Thread(target=pinned)
    outer.start()
    outer.join()
    assert seen == [{core}]


def test_programs_that_may_run_on_one_core_only_are_counted_by_core(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for pid, command in {"11": b"gunicorn", "12": b"gunicorn", "13": b"gunicorn", "14": b""}.items():
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cmdline").write_bytes(command)
    (tmp_path / "self").mkdir()
    may_run_on = {11: {4}, 12: {4, 5}, 13: {5}, 14: {4}}  # 14 is a thread of the kernel
    monkeypatch.setattr(pinning, "_PROC", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", may_run_on.__getitem__)
    assert pinned_processes() == Counter({4: 1, 5: 1})


def test_a_program_that_ends_while_programs_are_counted_does_no_harm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "11").mkdir()

    def ended(pid: int) -> set[int]:
        raise ProcessLookupError(pid)

    monkeypatch.setattr(pinning, "_PROC", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", ended)
    assert pinned_processes() == Counter()


def test_where_there_is_no_proc_no_other_server_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pinning, "_PROC", tmp_path / "none")
    assert pinned_processes() == Counter()
