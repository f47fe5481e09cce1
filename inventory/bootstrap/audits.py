"""Wiring of the audit over HTTP."""

from functools import partial
from typing import Any

import orjson

from inventory.eventlog.layout import Layout
from inventory.resilience.child_process import run_module
from inventory.service.audit import Audit, StateCopier

SECONDS = 60.0
"""How long an audit may take once the state is copied."""


def audit_of(layout: Layout, copier: StateCopier) -> Audit:
    """Make the audit of the process whose state ``copier`` copies."""
    return Audit(copier, layout.root, layout.audit_lock, partial(_compare, layout))


def _compare(layout: Layout, copy: int) -> dict[str, Any]:
    arguments = [str(layout.root), f"/proc/self/fd/{copy}"]
    found: dict[str, Any] = orjson.loads(run_module("inventory.cli.audit", arguments, seconds=SECONDS, keep=[copy]))
    return found
