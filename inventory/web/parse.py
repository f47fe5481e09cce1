"""From a request to what the service takes. Everything that is wrong with a request is named at once."""

from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from flask import request
from marshmallow import Schema

from inventory.domain.commands import Note, Precondition
from inventory.domain.errors import FieldProblem, ValidationFailed
from inventory.domain.idempotency import IdempotencyKey
from inventory.domain.values import IDENTIFIER_RULE, ItemId, Sku, StoreId, is_identifier, item_id
from inventory.service.ports.dead_letter_store import LetterState
from inventory.service.ports.stock_reads import LONGEST, PageRequest
from inventory.web import idempotency
from inventory.web.conditional import IF_MATCH, IF_NONE_MATCH, ReadCondition, precondition, read_condition
from inventory.web.event_schemas import AS_OF
from inventory.web.json_body import json_body, optional_json_body
from inventory.web.letter_schemas import LETTER_PAGE
from inventory.web.refusals import IdempotencyKeyInvalid
from inventory.web.request_id import REQUEST_ID
from inventory.web.schemas import NOTHING, PAGE, SKU_PAGE, loaded

_NOWHERE = ItemId(StoreId(""), Sku(""))


class Asked(NamedTuple):
    """A change as it was asked for, all of it well-formed."""

    body: dict[str, Any]
    precondition: Precondition
    note: Note
    key: IdempotencyKey | None


class Change(NamedTuple):
    """The same, of one record."""

    item: ItemId
    body: dict[str, Any]
    precondition: Precondition
    note: Note
    key: IdempotencyKey | None


class Read(NamedTuple):
    """A read of one record. :ivar as_of: when, if not now."""

    item: ItemId
    condition: ReadCondition
    as_of: dict[str, Any]


def parse_change(schema: Schema, store: str, sku: str) -> Change:
    """Parse a request that changes one record.

    :raises RequestRefused: the body cannot be read, or only the idempotency key is wrong.
    :raises ValidationFailed: naming every field of path, query, headers and body that is wrong.
    """
    problems: list[FieldProblem] = []
    given = json_body(request.environ)
    item = _item(store, sku, problems)
    return Change(item, *_asked(schema, given, problems))


def parse_command(schema: Schema, *, optional: bool = False, makes: bool = False, **names: str) -> Asked:
    """Parse a request that changes something else; ``names`` are the identifiers in its path.

    :param optional: an empty body stands for ``{}``.
    :param makes: what it makes is new, so there is no version of it to be expected.
    :raises: as ``parse_change``.
    """
    environ = request.environ
    given = optional_json_body(environ) if optional else json_body(environ)
    problems = _wrong_names(names)
    # Passed over, a condition would turn into an unconditional change.
    if makes and "HTTP_IF_MATCH" in environ:
        problems.append(FieldProblem(IF_MATCH, "cannot be asked for here; each line takes an expectedVersion"))
    if "HTTP_IF_NONE_MATCH" in environ:
        problems.append(FieldProblem(IF_NONE_MATCH, "cannot be asked for here"))
    return _asked(schema, given, problems)


def parse_read(store: str, sku: str) -> Read:
    """Parse a request for one record.

    :raises ValidationFailed: naming every field of path, query and headers that is wrong.
    """
    environ = request.environ
    problems: list[FieldProblem] = []
    item = _item(store, sku, problems)
    as_of = loaded(AS_OF, _query(problems), "query", problems) if environ.get("QUERY_STRING") else {}
    condition = read_condition(environ.get("HTTP_IF_MATCH"), environ.get("HTTP_IF_NONE_MATCH"), problems)
    if problems:
        raise ValidationFailed(problems)
    return Read(item, condition, as_of)


def parse_query(schema: Schema, **names: str) -> dict[str, Any]:
    """Parse a request that says something in its query; ``names`` are the identifiers in its path.

    :raises ValidationFailed: naming every field of path and query that is wrong.
    """
    problems = _wrong_names(names)
    found = loaded(schema, _query(problems), "query", problems)
    if problems:
        raise ValidationFailed(problems)
    return found


def parse_item_query(schema: Schema, store: str, sku: str) -> tuple[ItemId, dict[str, Any]]:
    """Parse a request about one record that says something in its query; see ``parse_query``."""
    found = parse_query(schema, storeId=store, sku=sku)
    return ItemId(StoreId(store), Sku(sku)), found


def parse_page(**names: str) -> PageRequest:
    """Parse a request for part of a list; see ``parse_query``."""
    return PageRequest(**parse_query(PAGE, **names))


def parse_sku_page(sku: str) -> PageRequest:
    """Parse a request for one SKU over all stores; see ``parse_query``."""
    return PageRequest(**{"limit": LONGEST.limit, **parse_query(SKU_PAGE, sku=sku)})


def parse_letter_page() -> tuple[PageRequest, LetterState | None]:
    """Parse a request for part of the dead letters, and for those in which state; see ``parse_query``."""
    page = parse_query(LETTER_PAGE)
    state: LetterState | None = page.pop("state", None)
    return PageRequest(**page), state


def parse_names(**names: str) -> None:
    """Check a request that says nothing beyond the identifiers in its path.

    :raises ValidationFailed: naming every field of path and query that is wrong.
    """
    problems = _wrong_names(names)
    _no_query(request.environ, problems)
    if problems:
        raise ValidationFailed(problems)


def parse_nothing() -> None:
    """Check a request that has nothing to say: no query, and no body or ``{}``.

    :raises RequestRefused: there is a body that cannot be read.
    :raises ValidationFailed: naming every field that it has.
    """
    problems: list[FieldProblem] = []
    given = optional_json_body(request.environ)
    _no_query(request.environ, problems)
    loaded(NOTHING, given, "body", problems)
    if problems:
        raise ValidationFailed(problems)


def _asked(schema: Schema, given: object, problems: list[FieldProblem]) -> Asked:
    environ = request.environ
    _no_query(environ, problems)
    body = loaded(schema, given, "body", problems)
    condition = precondition(
        environ.get("HTTP_IF_MATCH"), environ.get("HTTP_IF_NONE_MATCH"), body.get("expected_version"), problems
    )
    header = environ.get("HTTP_IDEMPOTENCY_KEY")
    key = idempotency.idempotency_key(header, environ["REQUEST_METHOD"], request.path, body, problems)
    if problems:
        raise _refusal(problems)
    note = Note("anonymous", environ[REQUEST_ID], body.get("reason"), body.get("reference"))
    return Asked(body, condition, note, key)


def _item(store: str, sku: str, problems: list[FieldProblem]) -> ItemId:
    try:
        return item_id(store, sku)
    except ValidationFailed as error:
        problems.extend(error.problems)
        return _NOWHERE


def _wrong_names(names: dict[str, str]) -> list[FieldProblem]:
    return [FieldProblem(name, IDENTIFIER_RULE) for name, text in names.items() if not is_identifier(text)]


def _no_query(environ: dict[str, Any], problems: list[FieldProblem]) -> None:
    # An expectedVersion put into the query by mistake must not turn into an unconditional change.
    if environ.get("QUERY_STRING"):
        loaded(NOTHING, _query(problems), "query", problems)


def _query(problems: list[FieldProblem]) -> dict[str, str]:
    pairs = parse_qsl(request.environ.get("QUERY_STRING", ""), keep_blank_values=True)
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = [FieldProblem(name, "is given twice") for name in found if names.count(name) > 1]
        problems.extend(twice)
    return found


def _refusal(problems: list[FieldProblem]) -> Exception:
    if len(problems) == 1 and problems[0].field == idempotency.HEADER:
        return IdempotencyKeyInvalid(problems[0])
    return ValidationFailed(problems)
