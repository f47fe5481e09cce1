"""A start on a long log: a second process checks the chains, and events that it does not confirm are read again."""

import json

import pytest
from support.damage import LENGTH, Patient
from support.folder import ONE, TWO, Folder, add
from support.given import all_stock

from inventory.eventlog import chain_check, log_check
from inventory.eventlog.chain_check import ChainCheck
from inventory.eventlog.errors import LogDamaged
from inventory.eventlog.log_reader import START

STRIDE = 997


@pytest.fixture(autouse=True)
def confirmed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Have every log count as long, on as many cores as are needed; lists what the other processes have said."""
    said: list[bool] = []

    class Noted(ChainCheck):
        def confirms(self, end) -> bool:
            said.append(super().confirms(end))
            return said[-1]

    monkeypatch.setattr(log_check, "BESIDE_FROM_BYTES", 1)
    monkeypatch.setattr(log_check, "ChainCheck", Noted)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    return said


def filled(folder: Folder) -> None:
    ledger = folder.start(segment_bytes=1024)
    for number in range(6):
        add(ledger, 1, (ONE, TWO)[number % 2], key=f"key-{number}")
    folder.close()


def test_what_it_confirms_is_what_the_log_gives(quick_folder: Folder, confirmed: list[bool]) -> None:
    filled(quick_folder)
    confirmed.clear()
    handed = quick_folder.open(folded=quick_folder.prepare().folded)
    assert confirmed == [True]
    assert all_stock(handed) == all_stock(quick_folder.open())
    assert add(handed, 1, ONE, key="key-0").replayed
    assert add(handed, 1, ONE).event.sequence == 7


@pytest.mark.parametrize("setting", ["same boot", "other boot, not synced", "shared header deleted"])
def test_a_flipped_bit_is_cut_off_or_refused_as_by_a_process_alone(
    quick_folder: Folder, confirmed: list[bool], setting: str
) -> None:
    patient = Patient(quick_folder, setting)
    confirmed.clear()
    for good, damaged in patient.flips(1, STRIDE):
        patient.start_with(damaged, good)
    assert True not in confirmed
    patient.keep_writing()


def test_the_second_process_keeps_the_priority_and_the_cores_of_the_start(
    quick_folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(quick_folder)
    end = quick_folder.prepare().folded.cursor
    changed: list[str] = []
    monkeypatch.setattr("os.nice", lambda _: changed.append("its priority"))
    monkeypatch.setattr("os.sched_setaffinity", lambda *_: changed.append("its cores"))
    monkeypatch.setattr(chain_check, "stay_with", lambda _: None)
    place = [chain_check._as_json(START), json.dumps(end.position)]
    monkeypatch.setattr("sys.argv", ["", "1", str(quick_folder.layout.root), *place])

    chain_check.main()

    assert capsys.readouterr().out == chain_check._as_json(end)
    assert changed == []


def killed(check: ChainCheck) -> None:
    check._child._process.kill()


def not_started(_: object) -> None:
    raise OSError(11, "Resource temporarily unavailable")


@pytest.mark.parametrize("lose", [killed, not_started])
def test_without_the_other_process_every_chain_is_checked_here(
    quick_folder: Folder, monkeypatch: pytest.MonkeyPatch, lose
) -> None:
    filled(quick_folder)

    class Lost(ChainCheck):
        def __init__(self, *given) -> None:
            super().__init__(*given)
            lose(self)

    monkeypatch.setattr(log_check, "ChainCheck", Lost)
    recovery = quick_folder.prepare()
    assert recovery.end.sequence == 6
    handed = quick_folder.open(folded=recovery.folded)
    assert all_stock(handed) == all_stock(quick_folder.open())
    assert handed.status().broken == 0


def test_bytes_that_no_fold_can_take_are_damage_and_no_fault(quick_folder: Folder) -> None:
    patient = Patient(quick_folder, "same boot")
    patient.segment.write_bytes(patient.log.replace(b'"onHandDelta":1', b'"onHandDelta":"1"'))
    with pytest.raises(LogDamaged) as raised:
        quick_folder.prepare()
    assert (raised.value.path, raised.value.line, LENGTH) == (patient.segment, 1, 5)


def test_a_process_that_may_use_one_core_only_reads_alone(
    quick_folder: Folder, confirmed: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(quick_folder)
    confirmed.clear()
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    assert (quick_folder.prepare().end.sequence, confirmed) == (6, [])
