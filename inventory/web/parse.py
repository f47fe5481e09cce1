"""From a request to a command. All problems of a request are reported at once."""

from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from flask import request
from marshmallow import Schema

from inventory.domain.commands import Note, Precondition
from inventory.domain.errors import FieldProblem, ValidationFailed
from inventory.domain.key_table import IdempotencyKey
from inventory.domain.values import IDENTIFIER_RULE, ItemId, Sku, StoreId, is_identifier, item_id
from inventory.web import idempotency_key
from inventory.web.conditional import IF_MATCH, IF_NONE_MATCH, precondition
from inventory.web.request_body import json_body, optional_json_body
from inventory.web.request_errors import IdempotencyKeyInvalid
from inventory.web.request_id import REQUEST_ID
from inventory.web.schema_fields import NOTHING, loaded

_NOWHERE = ItemId(StoreId(""), Sku(""))


class Asked(NamedTuple):
    """A parsed change request."""

    body: dict[str, Any]
    precondition: Precondition
    note: Note
    key: IdempotencyKey | None


class RecordChange(NamedTuple):
    """A parsed change request for one record."""

    item: ItemId
    body: dict[str, Any]
    precondition: Precondition
    note: Note
    key: IdempotencyKey | None


def parse_change(schema: Schema, store: str, sku: str) -> RecordChange:
    """Parse a request that changes one record.

    :raises RequestRefused: the body cannot be read, or only the idempotency key is invalid.
    :raises ValidationFailed: names every invalid field of path, query, headers and body.
    """
    problems: list[FieldProblem] = []
    given = json_body(request.environ)
    item = item_in_path(store, sku, problems)
    return RecordChange(item, *_asked(schema, given, problems))


def parse_command(schema: Schema, *, optional: bool = False, makes: bool = False, **names: str) -> Asked:
    """Parse another change request; ``names`` are the identifiers in its path.

    :param optional: an empty body means ``{}``.
    :param makes: it creates something new, so it cannot expect a version.
    :raises: as ``parse_change``.
    """
    environ = request.environ
    given = optional_json_body(environ) if optional else json_body(environ)
    problems = _wrong_names(names)
    # Ignoring a condition would make the change unconditional.
    if makes and "HTTP_IF_MATCH" in environ:
        problems.append(FieldProblem(IF_MATCH, "is not supported here; use expectedVersion in the lines"))
    if "HTTP_IF_NONE_MATCH" in environ:
        problems.append(FieldProblem(IF_NONE_MATCH, "is not supported here"))
    return _asked(schema, given, problems)


def parse_query(schema: Schema, **names: str) -> dict[str, Any]:
    """Parse a request with a query; ``names`` are the identifiers in its path.

    :raises ValidationFailed: names every invalid field of path and query.
    """
    problems = _wrong_names(names)
    found = loaded(schema, query_parameters(problems), "query", problems)
    if problems:
        raise ValidationFailed(problems)
    return found


def parse_item_query(schema: Schema, store: str, sku: str) -> tuple[ItemId, dict[str, Any]]:
    """Parse a request for one record with a query; see ``parse_query``."""
    found = parse_query(schema, storeId=store, sku=sku)
    return ItemId(StoreId(store), Sku(sku)), found


def parse_names(**names: str) -> None:
    """Check a request that has only the identifiers in its path.

    :raises ValidationFailed: names every invalid field of path and query.
    """
    problems = _wrong_names(names)
    _no_query(request.environ, problems)
    if problems:
        raise ValidationFailed(problems)


def parse_nothing() -> None:
    """Check a request without content: no query, and no body or ``{}``.

    :raises RequestRefused: there is a body that cannot be read.
    :raises ValidationFailed: names every field that it has.
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
    key = idempotency_key.idempotency_key(header, environ["REQUEST_METHOD"], request.path, body, problems)
    if problems:
        raise _refusal(problems)
    note = Note("anonymous", environ[REQUEST_ID], body.get("reason"), body.get("reference"))
    return Asked(body, condition, note, key)


def item_in_path(store: str, sku: str, problems: list[FieldProblem]) -> ItemId:
    try:
        return item_id(store, sku)
    except ValidationFailed as error:
        problems.extend(error.problems)
        return _NOWHERE


def _wrong_names(names: dict[str, str]) -> list[FieldProblem]:
    return [FieldProblem(name, IDENTIFIER_RULE) for name, text in names.items() if not is_identifier(text)]


def _no_query(environ: dict[str, Any], problems: list[FieldProblem]) -> None:
    # An expectedVersion in the query, by mistake, must not make the change unconditional.
    if environ.get("QUERY_STRING"):
        loaded(NOTHING, query_parameters(problems), "query", problems)


def query_parameters(problems: list[FieldProblem]) -> dict[str, str]:
    pairs = parse_qsl(request.environ.get("QUERY_STRING", ""), keep_blank_values=True)
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = [FieldProblem(name, "is given twice") for name in found if names.count(name) > 1]
        problems.extend(twice)
    return found


def _refusal(problems: list[FieldProblem]) -> Exception:
    if len(problems) == 1 and problems[0].field == idempotency_key.HEADER:
        return IdempotencyKeyInvalid(problems[0])
    return ValidationFailed(problems)
