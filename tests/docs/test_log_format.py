"""docs/reference/log-format.md describes the log that the code writes and reads."""

import json
import re
from itertools import pairwise

import pytest
from support.blocks import text_of
from support.checkout import ROOT

from inventory.eventlog import shared_header, snapshot
from inventory.eventlog.line import FORMAT, GENESIS, decode_next, encode, line_as_json, next_chain

PAGE = text_of(ROOT / "docs/reference/log-format.md")
EXAMPLE = PAGE.split("<!-- test: a whole log -->\n```json\n")[1].split("```")[0].encode().splitlines()


def rows_below(words: str) -> list[list[str]]:
    """The cells of the first table below these words."""
    table = re.search(r"(?:^\|.*\n)+", PAGE.split(words)[1], re.MULTILINE)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]


def names_below(words: str) -> list[str]:
    """What stands as code in the first cells of that table."""
    return [name for row in rows_below(words) for name in re.findall(r"`([\w.]+)`", row[0])]


def test_the_lines_of_the_example_are_a_log_to_the_byte() -> None:
    chain = GENESIS
    for sequence, line in enumerate(EXAMPLE):
        decoded = decode_next(line, sequence)
        written, after = encode(decoded.event, chain)
        assert written == line + b"\n"
        assert next_chain(line, chain) == after
        chain = after


def test_the_instants_and_versions_of_the_example_rise() -> None:
    events = [decode_next(line, sequence).event for sequence, line in enumerate(EXAMPLE)]

    assert all(before.at < after.at for before, after in pairwise(events))
    assert [line.version for event in events for line in event.lines] == [1, 2]


def test_the_table_of_members_has_those_of_the_example_in_their_order() -> None:
    shown = names_below("The members of a line, in their order:")

    for line in EXAMPLE:
        members = list(json.loads(line))
        assert [name for name in shown if name in members] == members
    assert set(shown) == {name for line in EXAMPLE for name in json.loads(line)}


def test_the_table_of_an_entry_has_all_its_members() -> None:
    event = decode_next(EXAMPLE[0], 0).event
    plain = list(line_as_json(event.lines[0]))

    assert names_below("An entry of `lines`:") == [*plain, "safetyStock", "lowStock", "policyBefore"]


def test_every_type_of_event_in_the_domain_is_in_the_table_of_types() -> None:
    code = "".join(text_of(path) for path in sorted((ROOT / "inventory/domain").glob("*.py")))
    written = set(re.findall(r'"((?:stock|policy|reservation|record|ledger)\.[a-z]+)"', code))

    assert written - set(names_below("### Types")) == set()


def test_the_formats_are_those_of_the_code() -> None:
    assert [row[0] for row in rows_below("### Formats")] == [str(number) for number in range(1, FORMAT + 1)]
    assert f"`snapshot` (format {snapshot.FORMAT})" in PAGE


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("kind", (shared_header._KIND,)),
        ("boot id", (shared_header._BOOT_HIGH, shared_header._BOOT_LOW)),
        ("failed", (shared_header._FAILED,)),
        ("durable", (shared_header._DURABLE,)),
        ("clock", (shared_header._CLOCK,)),
        ("generation", (shared_header._GENERATION,)),
        ("views", (*range(shared_header._VIEWS, shared_header._VIEWS_FAILED + 1), shared_header._VIEWS_TRIED)),
        ("made", (shared_header._MADE,)),
        ("snapshots", (shared_header._SNAPSHOTS,)),
        ("slots", tuple(word for slot in shared_header._SLOTS for word in range(slot, slot + 4))),
    ],
)
def test_an_item_of_the_shared_header_is_where_the_page_says(name: str, words: tuple[int, ...]) -> None:
    (shown,) = [row[0] for row in rows_below("## The shared header") if row[1] == name]
    parts = [part.split("–") for part in shown.split(", ")]

    assert tuple(word for part in parts for word in range(int(part[0]), int(part[-1]) + 1)) == words
