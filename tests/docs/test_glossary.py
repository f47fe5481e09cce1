"""docs/reference/glossary.md explains the terms of the field that the documents use, in order."""

import re

from support.blocks import text_of
from support.checkout import ROOT

OF_THE_FIELD = {
    "backpressure",
    "checkpoint",
    "fencing token",
    "fsync failure",
    "group commit",
    "hash chain",
    "idempotency key",
    "materialized view",
    "optimistic concurrency control",
    "replica lag",
    "seqlock",
    "torn write",
    "write-ahead log",
}


def tables() -> list[list[str]]:
    """The terms of each table."""
    parts = text_of(ROOT / "docs/reference/glossary.md").split("\n## ")
    return [re.findall(r"^\| (?!term|word)([^|]+?) \|", part, re.MULTILINE) for part in parts]


def test_the_terms_of_the_field_are_explained() -> None:
    assert OF_THE_FIELD - set(tables()[0]) == set()


def test_terms_are_in_order_and_none_is_there_twice() -> None:
    of_the_field, ours = tables()

    assert [of_the_field, ours] == [sorted(of_the_field, key=str.lower), sorted(ours, key=str.lower)]
    assert len({*of_the_field, *ours}) == len(of_the_field) + len(ours)
