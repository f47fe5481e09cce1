"""The HTTP API, from openapi.yaml: each request by tag, then refusals and bodies that several share.

The site has this page; the repository has openapi.yaml alone, so that the two cannot differ.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from reference.fields import Description, body_name, field_rows, shared_bodies
from reference.markdown import code, prose, table

METHODS = ("get", "put", "post", "delete", "patch")
_TYPES = ("application/json", "application/problem+json", "text/event-stream", "text/plain")


_HEAD = """# HTTP API

Made from [openapi.yaml](../../openapi.yaml) (OpenAPI 3.1), which is the description for programs.
[Running it](../../run.md#every-endpoint) has a curl for every request, [Errors](errors.md) has every code.
"""


def api_page(description: Description) -> str:
    """The whole page; its links suit `docs/reference/api.md`."""
    tags = [f"- [{tag['name'].capitalize()}](#{tag['name']}): {tag['description']}" for tag in description["tags"]]
    tags.append("- [Refusals](#refusals): What several requests are refused with.")
    tags.append("- [Bodies](#bodies): The fields of requests and answers.")
    requests = list(operations(description))
    responses = description["components"]["responses"]
    parts = [_HEAD, "\n".join(tags), "## Common to all requests", prose(description["info"]["description"].strip())]
    for tag in description["tags"]:
        parts.append(f"## {tag['name'].capitalize()}")
        parts += [_operation(description, *request) for request in requests if tag["name"] in request[2]["tags"]]
    parts.append("## Refusals")
    parts += [_refusal(description, name) for name in responses if _is_refusal(requests, name)]
    parts.append("## Bodies")
    parts += [_body(description, name) for name in shared_bodies(description)]
    return "\n\n".join(parts)


def operations(description: Description) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation of every request; the path's own parameters are among the operation's."""
    for path, item in description["paths"].items():
        for method in METHODS:
            if method in item:
                own = item[method]
                yield method.upper(), path, {**own, "parameters": [*item["parameters"], *own.get("parameters", ())]}


def _operation(description: Description, method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [
        f"### {operation['summary']}",
        f"```http\n{method} {path}\n```",
        prose(operation.get("description", "").strip()),
    ]
    parameters = [description.resolved(each) for each in operation["parameters"]]
    if rows := [_parameter(description, each) for each in parameters if each["name"] != "X-Request-Id"]:
        parts.append(table(("parameter", "in", "value", "meaning"), rows))
    if "requestBody" in operation:
        parts.append(_request_body(description, operation["requestBody"]))
    answers = sorted(operation["responses"].items())
    shared = [(status, answer["$ref"].rpartition("/")[2]) for status, answer in answers if _is_shared(status, answer)]
    shown = [(status, description.resolved(answer)) for status, answer in answers if not _is_shared(status, answer)]
    told = [(status, prose(_one_line(answer["description"])), _bodies(answer)) for status, answer in shown]
    parts.append(table(("status", "meaning", "body"), told))
    parts.append("Refusals: " + ", ".join(f"{status} [{name}](#{name.lower()})" for status, name in shared) + ".")
    for status, answer in shown:
        parts += [f"Example of {status}:\n\n{_json(example)}" for example in _examples(answer)[:1]]
    return "\n\n".join(part for part in parts if part)


def _is_shared(status: str, answer: dict[str, Any]) -> bool:
    return status >= "400" and "$ref" in answer


def _is_refusal(requests: Iterable[tuple[str, str, dict[str, Any]]], name: str) -> bool:
    reference = {"$ref": f"#/components/responses/{name}"}
    return any(
        answer == reference and _is_shared(status, answer)
        for _, _, operation in requests
        for status, answer in operation["responses"].items()
    )


def _refusal(description: Description, name: str) -> str:
    answer = description["components"]["responses"][name]
    body = f"Body: {_bodies(answer)}."
    return "\n\n".join([f"### {name}", prose(answer["description"].strip()), body, *map(_json, _examples(answer)[:1])])


def _parameter(description: Description, parameter: dict[str, Any]) -> tuple[str, str, str, str]:
    name = code(parameter["name"]) + (", required" if parameter.get("required") and parameter["in"] != "path" else "")
    meaning = parameter.get("description", description.meaning(parameter["schema"]))
    return name, parameter["in"], description.kind(parameter["schema"]), prose(_one_line(meaning))


def _request_body(description: Description, body: dict[str, Any]) -> str:
    schema = body["content"]["application/json"]["schema"]
    needed = "Body" if body.get("required") else "Body (may be left out)"
    rows = list(field_rows(description, schema))
    told = (
        table(("field", "value", "meaning"), rows) if rows else f"[{body_name(schema)}](#{body_name(schema).lower()})"
    )
    shown = [_json(example) for example in _examples({"content": body["content"]})[:1]]
    return "\n\n".join([f"{needed}:", told, *shown])


def _body(description: Description, name: str) -> str:
    schema = description.schema(name)
    parts = [f"### {name}", prose(schema.get("description", "").strip())]
    if kinds := [description.kind(each) for each in schema.get("oneOf", ())]:
        apart = schema.get("discriminator", {}).get("propertyName", "")
        return "\n\n".join([*filter(None, parts), f"{' or '.join(kinds)}{apart and f', told apart by `{apart}`'}."])
    common = description["components"]["schemas"].get("Problem", {}).get("properties", {})
    besides = common if name != "Problem" and common.keys() <= schema["properties"].keys() else {}
    rows = list(field_rows(description, schema, besides=besides))
    parts.append("All fields of [Problem](#problem), and:" if besides else "")
    parts.append(table(("field", "value", "meaning"), rows))
    return "\n\n".join(part for part in parts if part)


def _bodies(answer: dict[str, Any]) -> str:
    found = []
    for media_type, content in answer.get("content", {}).items():
        name = body_name(content.get("schema", {}))
        found.append(f"[{name}](#{name.lower()})" if name else code(media_type))
    return ", ".join(found)


def _examples(answer: dict[str, Any]) -> list[Any]:
    contents = [answer["content"][kind] for kind in _TYPES if kind in answer.get("content", {})]
    return [example["value"] for content in contents for example in content.get("examples", {}).values()]


def _json(example: Any) -> str:
    if isinstance(example, str):
        return f"```text\n{example.rstrip()}\n```"
    return f"```json\n{json.dumps(example, indent=2, ensure_ascii=False)}\n```"


def _one_line(text: str) -> str:
    return " ".join(text.split())
