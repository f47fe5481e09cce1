"""Clients that generators make from the packaged API description: how they are generated, and what they print."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import inventory
from support.checkout import ROOT

DESCRIPTION = Path(inventory.__file__).parent / "web/openapi/openapi.json"
SPEC: dict[str, Any] = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
SCHEMAS: dict[str, dict[str, Any]] = SPEC["components"]["schemas"]
CLIENTS = ROOT / "tests/clients"
PROGRAMS = CLIENTS / "programs"
PACKAGE = "inventory_client"
SEEN = {
    "counted": [10, 1],
    "sold": [8, 2],
    "reserved": [True, True],
    "held": ["held", [3], None, "order-7"],
    "committed": ["committed", [3]],
    "asOf": [10, 1],
    "moved": [["store-1", 2], ["store-2", 2]],
    "refused": [
        ["insufficient_stock", 409],
        ["version_conflict", 409],
        ["idempotency_conflict", 409],
        ["wrong_state", 409],
        ["validation_error", 400],
        ["not_found", 404],
    ],
    "short": [["tea", 2]],
    "currentVersion": 6,
    "key": "sale-1",
    "ended": "committed",
    "wrong": ["delta"],
    "batch": [200, 1, 409, "insufficient_stock", 1],
    "types": [
        "stock.counted",
        "stock.adjusted",
        "reservation.created",
        "reservation.created",
        "reservation.committed",
        "stock.transferred",
        "stock.adjusted",
    ],
    "versions": [7, 6, 5, 4, 3, 2, 1],
    "reservations": ["held", "committed"],
}
"""What the program of every client prints, on a server whose ledger is empty."""


def run(command: Sequence[str | Path], cwd: Path, **variables: str) -> str:
    """Run a command to its end; returns its output. A failure shows all of it."""
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **variables}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def run_program(name: str, folder: Path, url: str) -> dict[str, Any]:
    """Run a program of Python with the client in a folder; returns what it saw."""
    printed = run([sys.executable, PROGRAMS / name, url], folder, PYTHONPATH=str(folder))
    seen: dict[str, Any] = json.loads(printed)
    return seen


def fields_of_models(folder: Path, expression: str) -> dict[str, list[str]]:
    """The fields of every model that the client in a folder has.

    :param expression: the names of the fields of a ``model``.
    """
    text = (
        "import inspect, json, inventory_client.models as models\n"
        "found = {name: model for name, model in vars(models).items() if inspect.isclass(model)}\n"
        f"print(json.dumps({{name: sorted({expression}) for name, model in found.items()}}))\n"
    )
    found: dict[str, list[str]] = json.loads(run([sys.executable, "-c", text], folder, PYTHONPATH=str(folder)))
    return found


def with_fields() -> dict[str, dict[str, Any]]:
    """Every schema of an object by its name."""
    return {name: schema for name, schema in SCHEMAS.items() if "properties" in schema}


def operation_ids() -> set[str]:
    """The id of every operation."""
    return {part["operationId"] for item in SPEC["paths"].values() for part in item.values() if "operationId" in part}


def program(name: str, why: str) -> str:
    """The path of a program of this machine; without it the test fails, and says which one is missing."""
    path = shutil.which(name)
    assert path is not None, f"{name} is not installed: {why}"
    return path
