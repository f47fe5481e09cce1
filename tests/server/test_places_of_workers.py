"""Which core and which slot of the connection counts the hooks of a master give to each of its workers."""

import os
from unittest.mock import Mock

import prometheus_client  # noqa: F401 - first here: it looks once for the variable that these tests set
import pytest
from support.gunicorn_stand_ins import master, worker

from inventory.server import hooks as hooks_module
from inventory.server.hooks import Hooks
from inventory.settings import Settings

pytestmark = pytest.mark.usefixtures("metrics_parent")


def test_a_respawned_worker_gets_the_core_of_the_one_that_died(settings: Settings) -> None:
    hooks = Hooks(Settings(data_dir=settings.data_dir, pin_workers="on"))
    first = [worker(pid=number) for number, _ in enumerate(os.sched_getaffinity(0))]
    server = master()
    hooks.nworkers_changed(server, len(first), None)
    for each in first:
        hooks.pre_fork(server, each)
    hooks.child_exit(server, first[0])
    new = worker()
    hooks.pre_fork(server, new)
    assert {each.core for each in first} == os.sched_getaffinity(0)
    assert new.core == first[0].core


def test_on_a_reload_the_new_workers_are_pinned_as_the_old_ones_are(settings: Settings) -> None:
    hooks, cores = Hooks(settings), os.sched_getaffinity(0)
    forked = [worker(pid=number) for number in range(2 * len(cores))]
    for number, each in enumerate(forked):
        # gunicorn forks all of them before it ends the old ones.
        if number % len(cores) == 0:
            hooks.nworkers_changed(master(), len(cores), None if number == 0 else len(cores))
        hooks.pre_fork(master(), each)
    assert [{each.core for each in group} for group in (forked[: len(cores)], forked[len(cores) :])] == [cores, cores]


def test_more_workers_than_cores_that_gunicorn_was_told_of_are_not_pinned(settings: Settings) -> None:
    hooks, beyond = Hooks(settings), worker()
    hooks.nworkers_changed(master(), len(os.sched_getaffinity(0)) + 1, None)
    hooks.pre_fork(master(), beyond)
    assert beyond.core is None


def test_as_many_workers_as_gunicorn_was_told_of_have_a_slot_also_while_a_reload_replaces_them(hooks: Hooks) -> None:
    hooks.nworkers_changed(master(), 20, None)
    forked = [worker(pid=number) for number in range(40)]
    for each in forked[:20]:
        hooks.pre_fork(master(), each)
    hooks.nworkers_changed(master(), 20, 20)
    for each in forked[20:]:
        hooks.pre_fork(master(), each)
    assert len({each.slot for each in forked} - {None}) == 40


def test_a_core_that_cannot_be_had_does_not_keep_a_worker_from_working(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(core: int) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(hooks_module, "pin", refused)
    hooks.post_fork(master(), worker(core=0, cfg=Mock(reuse_port=False)))
    assert "cannot pin this worker" in caplog.text


def test_workers_of_one_master_share_their_counts_and_those_of_another_have_their_own(
    hooks: Hooks, settings: Settings
) -> None:
    shares = []
    for of in (hooks, hooks, Hooks(settings)):
        forked = worker(cfg=Mock(reuse_port=False))
        of.pre_fork(master(), forked)
        forked.core = None
        of.post_fork(master(), forked)
        shares.append(forked.begin.call_args.args[1])
        shares[-1].note(0)
    for share in shares:
        share.note(10)
    shares[1].note(0)
    assert [share.leaves_to_others() for share in shares] == [True, False, False]


def test_a_worker_that_has_died_is_left_nothing_and_its_slot_is_free(hooks: Hooks) -> None:
    died, lives = worker(pid=77), worker(pid=78)
    for each in (died, lives):
        hooks.pre_fork(master(), each)
        hooks._connections.write(each.slot, 0)
    hooks.child_exit(master(), died)
    assert [slot for slot, _, _ in hooks._connections.accepting()] == [lives.slot]
    hooks.pre_fork(master(), replaces := worker())
    assert replaces.slot == died.slot


def test_where_each_worker_has_a_socket_of_its_own_none_leaves_clients_to_others(hooks: Hooks) -> None:
    forked = worker(cfg=Mock(reuse_port=True))
    hooks.pre_fork(master(), forked)
    forked.core = None
    hooks.post_fork(master(), forked)
    assert forked.begin.call_args.args[1] is None
