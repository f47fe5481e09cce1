"""From a command to what a ledger accepts."""

from collections.abc import Mapping, Sequence

from inventory.domain.decide import StateView, decide
from inventory.domain.errors import InventoryError
from inventory.domain.events import Delivery, Draft
from inventory.domain.hold_commands import Command
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.values import EntityId, Instant, ItemId
from inventory.service.ports.change_queue import Decide, Submission, refusing
from inventory.service.sku_leases import HeldLeases


def deciding(command: Command) -> Decide:
    """Return the function that decides on ``command``."""

    def decided(state: StateView, now: Instant) -> Draft:
        return decide(command, state, now)

    return decided


def key_text(key: IdempotencyKey | Delivery | None) -> str | None:
    """A text that is the same for all attempts under one key."""
    return key.key if isinstance(key, IdempotencyKey) else None if key is None else "\0".join(key)


def skus_of(entities: Sequence[EntityId]) -> list[str]:
    """The SKUs of those entities that have one."""
    return [entity.sku for entity in entities if isinstance(entity, ItemId)]


def submission(
    leases: Mapping[str, HeldLeases | InventoryError | None],
    command: Command,
    key: IdempotencyKey | Delivery | None,
) -> Submission | InventoryError:
    """The submission of a command. If another change has a lease that it needs, only its key is looked up."""
    held = []
    for sku in skus_of(command.entities):
        match leases[sku]:
            case InventoryError() as error:
                return error if key is None else Submission(command.entities, refusing(error), key)
            case HeldLeases() as lease:
                held.append(lease)
    return Submission(command.entities, fenced(deciding(command), held), key, command.weight)


def fenced(decide: Decide, held: Sequence[HeldLeases]) -> Decide:
    """Decide only while the leases last."""
    if not held:
        return decide

    def checked(state: StateView, now: Instant) -> Draft:
        for leases in held:
            leases.check(now)
        return decide(state, now)

    return checked
