"""What tests of the audit start from: some stock, some holds, and the state that a process has in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inventory.domain.commands import ANY, CountStock, SetPolicy, WantedLine
from inventory.domain.record import Policy
from inventory.domain.state import State
from inventory.settings import Settings
from inventory.wiring import build_services, prepare
from inventory.wiring.services import Services
from support.given import item

ONE, TWO = item("sku-1"), item("sku-1", "store-2")


@contextmanager
def some_services(folder: Path) -> Iterator[Services]:
    """Two records, a policy, and three holds of which one is committed: 7 events."""
    settings = Settings(data_dir=folder, segment_bytes=4096)
    prepare(settings)
    services = build_services(settings)
    for at in (ONE, TWO):
        services.stock.change(CountStock(at, 10))
    services.stock.change(SetPolicy(ONE, Policy(1, 3)))
    held = [services.reservations.hold((WantedLine(ONE, 2, ANY), WantedLine(TWO, 1, ANY))) for _ in range(3)]
    services.reservations.commit(held[0].reservation.reservation_id)
    try:
        yield services
    finally:
        services.close()


def state_of(services: Services) -> State:
    return services.maintenance._log_maintenance._replica.state
