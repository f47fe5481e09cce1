"""``gunicorn wsgi:app`` in a checkout serves as ``inventory serve`` does."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.client import adjust, stock
from support.running_server import PACKAGE, assert_whole, environment

ROOT = Path(__file__).parents[2]
GUNICORN = (sys.executable, "-m", "gunicorn", "wsgi:app")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what a checkout has to serve from."""
    copy = tmp_path / "checkout"
    shutil.copytree(PACKAGE / "inventory", copy / "inventory", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("wsgi.py", "gunicorn.conf.py"):
        shutil.copy(ROOT / name, copy)
    return copy


def test_gunicorn_in_a_checkout_serves_with_every_setting_and_hook(checkout, data_dir, serve):
    data_dir.mkdir()
    server = serve(command=GUNICORN, cwd=checkout, PYTHONPATH=checkout)
    with server.clients_of_all() as clients:
        stock(clients[0], "sku-1", 5)
        assert adjust(clients[1], "sku-1", -1, "key").json["qty"] == 4
        # The hooks have run: counters are shared, and the views are published.
        assert clients[0].get("/metrics").json["requests"] >= 4
        assert clients[0].post("/sync").json["asOfSequence"] == 2
    assert server.end() == 0
    assert {line["logger"] for line in server.log_lines()} == {"inventory.request"}
    assert_whole(data_dir)


def test_gunicorn_in_a_checkout_refuses_to_start_with_status_1_and_one_line(checkout, data_dir):
    for settings, cause in (({"PORT": "abc"}, "PORT='abc'"), ({}, f"DATA_DIR {data_dir} does not exist")):
        done = subprocess.run(
            GUNICORN,
            env=environment(data_dir, PYTHONPATH=checkout, **settings),
            cwd=checkout,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr
        assert [cause in line for line in done.stderr.splitlines() if line.startswith("inventory: ")] == [True]
    assert not data_dir.exists()
