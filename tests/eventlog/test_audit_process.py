"""The audit of a running process: run by a child process, one at a time, for a bounded time."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.audited import TWO, some_services, state_of

from inventory.domain.errors import Overloaded, StorageUnavailable
from inventory.resilience.child_process import ChildFailed
from inventory.resilience.process_lock import process_lock
from inventory.wiring import build as audits
from inventory.wiring import layout_of
from inventory.wiring.services import Services


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with some_services(tmp_path) as services:
        yield services


def test_a_worker_has_it_done_by_another_process(services: Services):
    state_of(services).records[TWO] = state_of(services).records[TWO]._replace(on_hand=99)
    found = services.audit.run()
    assert (found["ok"], found["checkedSequence"], found["driftCount"]) == (False, 7, 1)


def test_nothing_is_left_of_it_in_the_folder(services: Services, monkeypatch: pytest.MonkeyPatch):
    seen = []
    monkeypatch.setattr(audits, "run_module", lambda *_, **__: seen.append(os.listdir(folder)) or b"{}")
    folder = services.settings.data_dir
    before = os.listdir(folder)
    services.audit.run()
    assert seen == [before]


def test_one_at_a_time_in_a_folder(services: Services):
    with process_lock(layout_of(services.settings).audit_lock, wait_ms=0), pytest.raises(Overloaded) as refused:
        services.audit.run()
    assert refused.value.retry_after_ms == 5000


def test_one_at_a_time_in_a_process(services: Services, monkeypatch: pytest.MonkeyPatch):
    begun, end = threading.Event(), threading.Event()
    monkeypatch.setattr(audits, "run_module", lambda *_, **__: begun.set() or (end.wait(10) and b"{}"))
    first = threading.Thread(target=services.audit.run)
    first.start()
    begun.wait(10)
    with pytest.raises(Overloaded):
        services.audit.run()
    end.set()
    first.join()


def test_one_that_takes_too_long_is_ended_and_names_the_command(services: Services, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(audits, "SECONDS", 0.01)
    with pytest.raises(Overloaded, match="'inventory verify'"):
        services.audit.run()


def test_one_that_fails_is_told(services: Services, monkeypatch: pytest.MonkeyPatch):
    def fails(*_: object, **__: object) -> bytes:
        raise ChildFailed("out of memory")

    monkeypatch.setattr(audits, "run_module", fails)
    with pytest.raises(StorageUnavailable, match="out of memory"):
        services.audit.run()
