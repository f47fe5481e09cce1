"""Write the generated parts, each into its file."""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reference import flat
from reference.commands import commands_part
from reference.markdown import table
from reference.tables import OPENAPI, errors_part, metrics_part, settings_part

FOLDER = Path(__file__).parents[2] / "docs"
COMMAND = ".venv/bin/python scripts/reference.py"
BEGIN, END = f"<!-- generated from the code by: {COMMAND} -->", "<!-- end of what is generated -->"
PARTS: Mapping[str, Callable[[], str]] = {
    "reference/settings.md": settings_part,
    "reference/metrics.md": metrics_part,
    "reference/errors.md": errors_part,
    "reference/cli.md": commands_part,
    "adr/README.md": lambda: decisions_part(FOLDER / "adr"),
}
FILES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "inventory/web/openapi/openapi.yaml": flat.as_yaml,
    "inventory/web/openapi/openapi.json": flat.as_json,
}
"""What is made from openapi.yaml, and is in the package."""


def main(arguments: Sequence[str]) -> int:
    """Write what is stale. With ``--check`` write nothing; the status is 1 if something is stale."""
    parser = argparse.ArgumentParser(prog="reference.py", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; the status is 1 if a page is stale")
    check = parser.parse_args(arguments).check
    root = FOLDER.parent
    pages = {f"docs/{page}": text for page, text in stale_pages(FOLDER).items()}
    stale = {**pages, **stale_files(root)}
    for name, text in stale.items():
        print(f"{name} is stale" if check else f"{name} written")
        if not check:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
    return int(check and bool(stale))


def decisions_part(folder: Path) -> str:
    """A link to each decision record, by number."""
    records = sorted(folder.glob("[0-9]*.md"))
    titles = [record.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for record in records]
    named = (title.split(". ", 1) for title in titles)
    rows = [(number, f"[{claim}]({record.name})") for (number, claim), record in zip(named, records, strict=True)]
    return table(("number", "decision"), rows)


def stale_files(root: Path) -> dict[str, str]:
    """The files made from openapi.yaml that differ from what it says, with the text that they should have.

    :raises ValueError: openapi.yaml has a key twice in one mapping.
    """
    description = flat.read(OPENAPI.read_text(encoding="utf-8"))
    wanted = {name: make(description) for name, make in FILES.items()}
    there = {name: (root / name).read_text(encoding="utf-8") for name in wanted if (root / name).is_file()}
    return {name: text for name, text in wanted.items() if there.get(name) != text}


def stale_pages(folder: Path) -> dict[str, str]:
    """The pages whose generated part differs from what the code says, with the text that they should have.

    :raises ValueError: a page has no place for its part; names it.
    """
    found = {}
    for page, part in PARTS.items():
        text = (folder / page).read_text(encoding="utf-8")
        place = re.search(f"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", text, re.DOTALL)
        if place is None:
            raise ValueError(f"{page} has no line {BEGIN!r} with {END!r} behind it")
        wanted = f"{text[: place.start()]}\n{part()}\n\n{text[place.end() :]}"
        if wanted != text:
            found[page] = wanted
    return found
