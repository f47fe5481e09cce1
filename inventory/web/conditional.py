"""Conditional requests (RFC 9110 section 13): a record's version is its strong entity tag.

`If-Match` compares strongly, so a weak tag is well-formed and matches nothing. `If-None-Match` compares weakly. Bare
digits are accepted as a quoted version, for requests typed by hand.
"""

import re
from typing import NamedTuple

from inventory.domain.commands import ANY, Precondition, at_version
from inventory.domain.errors import FieldProblem, VersionConflict
from inventory.domain.record import Record

IF_MATCH = "If-Match"
IF_NONE_MATCH = "If-None-Match"

_ELEMENT = re.compile(r'[ \t]*(?:(W/)?"([!#-~\x80-\xff]*)"|([0-9]+))?[ \t]*(,|$)')
_VERSION = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_MALFORMED = 'must be * or a list of quoted versions, such as "3"'


class Tags(NamedTuple):
    """The versions that such a header names. ``anything``: it is ``*``."""

    anything: bool
    strong: frozenset[int] = frozenset()
    weak: frozenset[int] = frozenset()


def entity_tag(version: int) -> str:
    """The tag of a record at a version."""
    return f'"{version}"'


def parse_tags(text: str) -> Tags | None:
    """Parse the value of one of the two headers; several headers are joined with commas.

    A tag that is not a version is well-formed and matches nothing. ``None``: the text is malformed.
    """
    if text.strip(" \t") == "*":
        return Tags(anything=True)
    strong: set[int] = set()
    weak: set[int] = set()
    named = place = 0
    while place < len(text):
        element = _ELEMENT.match(text, place)
        if element is None:
            return None
        is_weak, quoted, bare, _ = element.groups()
        tag = bare if quoted is None else quoted
        if tag is not None:
            named += 1
            if _VERSION.fullmatch(tag):
                (weak if is_weak else strong).add(int(tag))
        place = element.end()
    return Tags(False, frozenset(strong), frozenset(weak)) if named else None


def precondition(
    if_match: str | None, if_none_match: str | None, expected: int | None, problems: list[FieldProblem]
) -> Precondition:
    """Combine the conditions of the headers and of ``expectedVersion`` on a record: all must hold.

    Problems of the headers are added to ``problems``; then the result has no meaning.
    """
    if if_match is None and if_none_match is None:
        return at_version(expected)
    if if_none_match is not None:
        if if_none_match.strip(" \t") != "*":
            problems.append(FieldProblem(IF_NONE_MATCH, "must be * in a change"))
        if if_match is not None or expected is not None:
            problems.append(FieldProblem(IF_NONE_MATCH, "cannot be combined with an expected version"))
        return Precondition(exists=False)
    tags = parse_tags(if_match or "")
    if tags is None:
        problems.append(FieldProblem(IF_MATCH, _MALFORMED))
        return ANY
    wanted = None if expected is None else frozenset((expected,))
    if tags.anything:
        return Precondition(wanted, exists=True)
    return Precondition(tags.strong if wanted is None else tags.strong & wanted, exists=True)


class ReadCondition(NamedTuple):
    """The versions that a reader has already, and those that it requires."""

    match: Tags | None = None
    none_match: Tags | None = None

    def is_unchanged(self, record: Record) -> bool:
        """Whether the reader already has this version, so that the answer is 304.

        :raises VersionConflict: it requires another version.
        """
        match, none_match = self
        if match is not None and not match.anything and record.version not in match.strong:
            raise VersionConflict(record.item, record.version, sorted(match.strong))
        if none_match is None:
            return False
        return none_match.anything or record.version in none_match.strong or record.version in none_match.weak


ALWAYS = ReadCondition()


def read_condition(if_match: str | None, if_none_match: str | None, problems: list[FieldProblem]) -> ReadCondition:
    """Parse the headers of a GET. Their problems are added to ``problems``."""
    if if_match is None and if_none_match is None:
        return ALWAYS
    found = []
    for name, text in ((IF_MATCH, if_match), (IF_NONE_MATCH, if_none_match)):
        tags = None if text is None else parse_tags(text)
        if text is not None and tags is None:
            problems.append(FieldProblem(name, _MALFORMED))
        found.append(tags)
    return ReadCondition(*found)
