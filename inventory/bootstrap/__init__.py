"""The composition root: the one place that knows every concrete class."""

from inventory.bootstrap.build import build_services, build_worker_services, rebuild
from inventory.bootstrap.check import Verification, verify
from inventory.bootstrap.guards import BUCKETS_FILE
from inventory.bootstrap.handover import HANDOVER
from inventory.bootstrap.prepare import StartRefused, clock_warning, layout_of, prepare
from inventory.bootstrap.rebuild import RebuildResult, server_presence
from inventory.bootstrap.services import Services

__all__ = [
    "BUCKETS_FILE",
    "HANDOVER",
    "RebuildResult",
    "Services",
    "StartRefused",
    "Verification",
    "build_services",
    "build_worker_services",
    "clock_warning",
    "layout_of",
    "prepare",
    "rebuild",
    "server_presence",
    "verify",
]
