"""The composition root: the one place that knows every concrete class."""

from inventory.wiring.build import build_services, build_worker_services, disk_of, rebuild
from inventory.wiring.prepare import PRELOADED_STATE, clock_warning, cut_message, layout_of, prepare
from inventory.wiring.resilience import BUCKETS_FILE
from inventory.wiring.services import Services

__all__ = [
    "BUCKETS_FILE",
    "PRELOADED_STATE",
    "Services",
    "build_services",
    "build_worker_services",
    "clock_warning",
    "cut_message",
    "disk_of",
    "layout_of",
    "prepare",
    "rebuild",
]
