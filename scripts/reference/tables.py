"""Settings, metrics and errors, each from the one place that defines it."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from inventory.service.ports.maintenance import StorageFigures
from inventory.service.quotas import Quotas, QuotaWatch, Sizes
from inventory.settings import Settings
from inventory.web.error_codes import CODES
from inventory.web.metrics import _JSON_NAMES, Metrics
from reference.markdown import code, prose, table, wrapped

OPENAPI = Path(__file__).parents[2] / "openapi.yaml"


def settings_part() -> str:
    """Every setting, in the order in which `Settings` has them."""
    rows = [
        (
            code(field.name.upper()),
            _default(field),
            _accepted(field.metadata["parse"]),
            prose(field.metadata["meaning"]),
        )
        for field in fields(Settings)
    ]
    return table(("variable", "default", "accepted", "meaning"), rows)


def metrics_part() -> str:
    """Every metric: those that the JSON has in its order, then the others."""
    quotas = QuotaWatch(Sizes, Quotas())
    metrics = Metrics(lambda: 0, lambda: StorageFigures(0, 0, 0, 0), lambda: 0, lambda: 0, quotas)
    text, _ = metrics.exposition("text/plain")
    families = {
        f"{family.name}_total" if family.type == "counter" else family.name: (family.type, family.documentation)
        for family in text_string_to_metric_families(text.decode())
        if not family.name.endswith("_created")
    }
    names = {**_JSON_NAMES, **dict.fromkeys(families.keys() - _JSON_NAMES.keys(), "")}
    rows = [(code(names[name]), code(name), families[name][0], prose(families[name][1])) for name in names]
    return table(("JSON", "Prometheus", "type", "meaning"), rows)


def errors_part() -> str:
    """What each code means for the change, and a section for each code with its cause, next step and an example."""
    rows = [
        (
            f"[`{name}`](#{name})",
            ", ".join(map(str, row.statuses)),
            row.happened,
            row.repeat,
            row.when,
            row.key,
        )
        for name, row in CODES.items()
    ]
    overview = table(("code", "status", "may the change have happened?", "repeat it?", "when", "with which key?"), rows)
    examples = _examples(yaml.safe_load(OPENAPI.read_text(encoding="utf-8")))
    sections = []
    for name, row in CODES.items():
        statuses = " or ".join(map(str, row.statuses))
        parts = [f"### `{name}`", wrapped(f"{statuses}. {row.cause}"), wrapped(f"Next step: {row.next_step}")]
        if name in examples:
            parts.append(f"```json\n{json.dumps(examples[name], indent=2, ensure_ascii=False)}\n```")
        sections.append("\n\n".join(parts))
    return "\n\n".join([overview, "## Each code", *sections])


def _default(field: Field[Any]) -> str:
    if field.metadata["shown"] is not None:
        return str(field.metadata["shown"])
    value = getattr(Settings(), field.name)
    if value in (None, ()):
        return "unset"
    return code(str(value).lower() if isinstance(value, bool) else value)


def _accepted(parse: Callable[[str], Any]) -> str:
    """What a parser takes, in the words in which it refuses something else."""
    try:
        parse("\0")
    except ValueError as error:
        told = re.sub(r"^(?:a whole number from|one of|valid: '.*?' is not) ", "", str(error))
        told = re.sub(r"\d{4,}", lambda number: f"{int(number[0]):,}", told)
        return re.sub(r"<\w+>\S*[^\s,]", lambda found: code(found[0]), told)
    raise ValueError(f"{parse} takes everything")


def _examples(description: Mapping[str, Any]) -> dict[str, Any]:
    """The first example of a problem that openapi.yaml has for each code."""
    found: dict[str, Any] = {}

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if "status" in part and isinstance(part.get("error"), str) and isinstance(part.get("type"), str):
                found.setdefault(part["error"], part)
            for inner in part.values():
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    walk(description)
    return found
