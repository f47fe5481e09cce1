"""The policy of a record: its safety stock, and the threshold below which stock is low."""

from flask import Blueprint

from inventory.domain.commands import SetPolicy
from inventory.domain.record import Policy
from inventory.domain.values import MAX_QUANTITY
from inventory.web.deferred_answer import Deferred
from inventory.web.metrics import Metrics
from inventory.web.parse import parse_change
from inventory.web.records import PATH, changed
from inventory.web.schema_fields import (
    StrictSchema,
    between,
    built,
    expected_version,
    optional_text,
    whole_number,
    whole_number_or_null,
)
from inventory.wiring.services import Services


class PolicySchema(StrictSchema):
    """The body of a PUT of a policy; an omitted field means that there is none."""

    safety_stock = whole_number(between(0, MAX_QUANTITY), data_key="safetyStock")
    low_stock = whole_number_or_null(between(0, MAX_QUANTITY), data_key="lowStock")
    expected_version = expected_version()
    reason = optional_text()
    reference = optional_text()


POLICY = built(PolicySchema)


def blueprint(services: Services, metrics: Metrics) -> Blueprint:
    """Make the view of policies."""
    views = Blueprint("policies", __name__)

    @views.put(f"{PATH}/policy")
    def policy(store: str, sku: str) -> Deferred:
        asked = parse_change(POLICY, store, sku)
        wanted = Policy(asked.body.get("safety_stock", 0), asked.body.get("low_stock"))
        command = SetPolicy(asked.item, wanted, asked.precondition, asked.note)
        return Deferred(services.stock.begin(command, asked.key), changed, metrics.count_replay)

    return views
