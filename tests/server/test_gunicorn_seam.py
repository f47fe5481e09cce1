"""The seam to gunicorn: it was checked for the installed release, and no other module uses private names."""

import ast
from pathlib import Path

import gunicorn
from gunicorn.workers import gthread

import inventory
from inventory.server.worker_class import KNOWN_RELEASES

PACKAGE = Path(inventory.__file__).parent
CALLED = {
    *("set_accept_enabled", "is_parent_alive", "get_thread_pool", "enqueue_req", "handle_request", "finish_request"),
    *("wait_for_and_dispatch_events", "murder_pending", "_cap_keepalive", "_keepalive_after"),
}
KEPT = {
    *("nr_conns", "pending_conns", "keepalived_conns", "max_keepalived", "worker_connections", "max_requests"),
    *("_expected_100_continue", "mesg", "wait_for_data", "initialized"),
    *("STOP_KEEPALIVE_LINGER", "write_error"),
}
IMPORTING = {
    "cli/serve.py",
    "server/gunicorn_arguments.py",
    "server/gunicorn_seam.py",
    "server/gunicorn_settings.py",
    "server/worker_class.py",
    "web/request_body.py",
}


def test_the_release_that_is_installed_is_one_that_the_seam_was_read_for() -> None:
    assert gunicorn.__version__ in KNOWN_RELEASES


def test_the_release_that_is_installed_has_each_method_that_the_seam_replaces() -> None:
    assert [name for name in CALLED if not callable(getattr(gthread.ThreadWorker, name, None))] == []
    assert isinstance(gthread.STOP_KEEPALIVE_LINGER, float)


def test_a_private_name_of_gunicorn_is_touched_in_the_seam_alone() -> None:
    named = {}
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        if found := names & (CALLED | KEPT):
            named[path.relative_to(PACKAGE).as_posix()] = found
    assert set(named) == {"server/gunicorn_seam.py"}
    assert named["server/gunicorn_seam.py"] == CALLED | KEPT


def test_gunicorn_is_imported_in_few_files() -> None:
    importing = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            if any(module.split(".")[0] == "gunicorn" for module in modules):
                importing.add(path.relative_to(PACKAGE).as_posix())
    assert importing == IMPORTING
