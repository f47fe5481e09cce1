"""Processes that die while they write: complete lines have happened, a torn one has not."""

import pytest
from support.children import run_on
from support.folder import ONE, Folder, add

# Adds 3 units once; then a batch of one more event, of which it writes as much as ``part`` says, and dies.
DIES = """
disk = Shim()
ledger = folder.open(disk)
add(ledger, 3)
def append(descriptor, data):
    os.write(descriptor, data[:{part}])
    os._exit(7)
disk.instead["append"] = append
add(ledger, 4, key="unanswered")
"""
WHOLE, HALF, ALMOST = DIES.format(part=""), DIES.format(part="-200"), DIES.format(part="-1")


@pytest.fixture(params=["goes on", "restarts", "reboots"])
def after(request: pytest.FixtureRequest, folder: Folder):
    """Let a process die, then give a ledger that goes on beside it, or comes after a restart or a reboot."""

    def ledger_after(program: str):
        folder.prepare()
        other = folder.open() if request.param == "goes on" else None
        assert run_on(folder, program)[0] == 7
        if request.param == "reboots":
            folder.machine.reboot()
        return other or folder.start()

    return ledger_after


def test_a_whole_line_that_was_not_told_of_is_adopted_by_the_next_writer(folder: Folder, after):
    outcome = add(after(WHOLE))
    assert (outcome.event.sequence, outcome.record.on_hand, outcome.record.version) == (3, 8, 3)
    assert folder.verify().ok


def test_a_retry_under_the_key_of_an_adopted_line_gets_the_first_answer(folder: Folder, after):
    outcome = add(after(WHOLE), 4, key="unanswered")
    assert (outcome.replayed, outcome.event.sequence, outcome.record.on_hand) == (True, 2, 7)


@pytest.mark.parametrize("program", [HALF, ALMOST])
def test_half_a_line_is_cut_off_by_the_next_writer(folder: Folder, after, program: str):
    outcome = add(after(program))
    assert (outcome.event.sequence, outcome.record.on_hand, outcome.record.version) == (2, 4, 2)
    assert (folder.log().count(b"\n"), folder.verify().problems) == (2, [])


@pytest.mark.parametrize("program", [HALF, ALMOST])
def test_a_retry_under_the_key_of_half_a_line_happens(folder: Folder, after, program: str):
    outcome = add(after(program), 4, key="unanswered")
    assert (outcome.replayed, outcome.event.sequence, outcome.record.on_hand) == (False, 2, 7)


def test_an_adopted_line_is_durable_before_anybody_is_told_of_it(folder: Folder):
    folder.prepare()
    run_on(folder, WHOLE)
    ledger = folder.open()
    assert ledger.record(ONE).on_hand == 3
    add(ledger, 4, key="unanswered")
    assert (ledger.status().durable, folder.marks().published().sequence) == (2, 2)


def test_processes_killed_one_after_the_other_lose_and_double_nothing(folder: Folder):
    folder.prepare()
    told = 0
    for _ in range(3):
        _, said = run_on(
            folder,
            """
            disk, left = Shim(), [3]
            def append(descriptor, data):
                left[0] -= 1
                if not left[0]:
                    os.write(descriptor, data[:150])
                    os._exit(7)
                return os.write(descriptor, data)
            disk.instead["append"] = append
            ledger = folder.open(disk)
            while True:
                say(add(ledger).record.on_hand)
            """,
        )
        assert said == [str(told + 1), str(told + 2)]
        told += 2
    assert folder.start().record(ONE).version == told
