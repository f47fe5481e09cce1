"""Quotas: existing records are never refused, and a use close to the limit is reported once."""

import logging
from dataclasses import replace

import pytest
from support.given import WRITER, deciding, fold_all, group_on, history, item

from inventory.domain.commands import AdjustStock, CountStock, TransferStock, WantedLine
from inventory.domain.hold_commands import ReleaseHold, reserve_one
from inventory.domain.values import StoreId
from inventory.service.quotas import QuotaExceeded, Quotas, QuotaWatch, Sizes

ONE, THERE = item("sku-1"), item("sku-1", "store-2")
FULL = replace(WRITER, quotas=Quotas(records=1, stores=1, open_reservations=0))
LOG = history([CountStock(ONE, 5), CountStock(THERE, 5), reserve_one(ONE, 1, "r-1")])


@pytest.mark.parametrize(
    "command",
    [
        AdjustStock(ONE, 1),
        CountStock(THERE, 9),
        TransferStock((WantedLine(ONE, 1),), StoreId("store-2")),
        ReleaseHold("r-1", (ONE,)),
    ],
)
def test_in_a_log_that_is_beyond_every_quota_what_is_there_is_changed(command):
    batch = group_on(fold_all(LOG), LOG, stamp=FULL)
    assert batch.run(command.entities, deciding(command), None).event.sequence == len(LOG) + 1


@pytest.mark.parametrize("command", [CountStock(item("sku-2"), 1), reserve_one(ONE, 1, "r-2")])
def test_in_a_log_that_is_beyond_every_quota_nothing_further_is_made(command):
    batch = group_on(fold_all(LOG), LOG, stamp=FULL)
    with pytest.raises(QuotaExceeded):
        batch.run(command.entities, deciding(command), None)
    assert batch.events == []


@pytest.mark.parametrize(
    ("records", "found"), [(79, []), (80, ["MAX_RECORDS"]), (100, ["MAX_RECORDS"]), (180, ["MAX_RECORDS"])]
)
def test_a_quota_is_near_from_80_percent_on(records: int, found: list[str]):
    assert [use.quota for use in QuotaWatch(lambda: Sizes(records=records), Quotas(records=100)).near()] == found


def test_a_quota_that_is_nearly_used_up_is_told_once_and_again_when_it_comes_back(caplog: pytest.LogCaptureFixture):
    held = iter([79, 80, 85, 79, 80, 74, 80])
    watch = QuotaWatch(lambda: Sizes(open_reservations=next(held)), Quotas(open_reservations=100))
    told = []
    with caplog.at_level(logging.WARNING):
        for _ in range(7):
            watch.look()
            told.append(len(caplog.records))
    assert told == [0, 1, 1, 1, 1, 1, 2]
    assert "MAX_OPEN_RESERVATIONS: 80 of 100 open reservations" in caplog.text
