"""``inventory settings``."""

import json
import shutil
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import click

from inventory.cli.folder import read_with_options, server_options
from inventory.cli.terminal import EXIT_CODES
from inventory.server.gunicorn_arguments import overrides
from inventory.settings import FIELDS, Reading

DEFAULT = "default"
_SECRET = "(secret)"  # noqa: S105 - what is shown in place of one


class Row(NamedTuple):
    """What is shown of one setting."""

    name: str
    value: Any
    source: str
    meaning: str


@click.command("settings", epilog=EXIT_CODES)
@server_options
@click.option(
    "--gunicorn",
    "arguments",
    metavar="ARGUMENTS",
    help="Show what a server uses that gunicorn's own command starts with these arguments ('' for none). They and"
    " GUNICORN_CMD_ARGS take precedence over the settings.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def settings_command(arguments: str | None, as_json: bool, **given: object) -> None:
    """Show every setting: its value, where the value comes from, and what it means.

    A value comes from an option, from the variable with the prefix INVENTORY_, or from the plain variable, in this
    order; else it is the default. Secrets are not shown. A running server keeps the values that it was started with.
    """
    reading = read_with_options(given)
    shown = rows(reading)
    if arguments is not None:
        try:
            replaced = overrides(arguments)
        except ValueError as error:
            raise click.UsageError(f"gunicorn refuses its arguments: {error}") from error
        shown = [
            row._replace(value=replaced[row.name], source="gunicorn") if row.name in replaced else row for row in shown
        ]
    if as_json:
        ignored = [*reading.links, *(name for name, _ in reading.near_misses)]
        click.echo(json.dumps({"settings": [row._asdict() for row in shown], "ignored": ignored}))
        return
    for line in [*reading.warnings(), *filter(None, [reading.passed_over()])]:
        click.echo(f"warning: {line}", err=True)
    width = min(shutil.get_terminal_size().columns, 100)
    for row in shown:
        click.echo(f"{row.name} = {_text(row.value)}  ({row.source})")
        click.echo(textwrap.fill(row.meaning, width, initial_indent="    ", subsequent_indent="    "))


def rows(reading: Reading) -> list[Row]:
    """What is shown of each setting, in the order of the documentation."""
    found = []
    for name, field in FIELDS.items():
        source = reading.sources.get(name)
        value = getattr(reading.settings, field.name)
        if isinstance(value, tuple):
            value = source.text if source else None
        elif isinstance(value, Path):
            value = str(value)
        if field.metadata["secret"] and source is not None:
            value = _SECRET
        found.append(Row(name, value, source.name if source else DEFAULT, field.metadata["meaning"]))
    return found


def _text(value: Any) -> str:
    if value is None:
        return "unset"
    return str(value).lower() if isinstance(value, bool) else str(value)
