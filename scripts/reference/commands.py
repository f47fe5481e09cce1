"""The commands, as `--help` describes them."""

import inspect
from collections.abc import Iterator

import click

from inventory.cli.main import main
from reference.markdown import prose, table, wrapped


def commands_part() -> str:
    """A section for each command."""
    return "\n\n".join(_section(path, command) for path, command in _commands(("inventory",), main))


def _commands(path: tuple[str, ...], command: click.Command) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from _commands((*path, name), inner)


def _section(path: tuple[str, ...], command: click.Command) -> str:
    context = click.Context(command, info_name=" ".join(path))
    usage = " ".join((*path, *command.collect_usage_pieces(context)))
    parts = [f"### `{' '.join(path)}`", f"```text\n{usage}\n```", *_paragraphs(command)]
    options = [
        (f"`{', '.join(option.opts)}{_value(option, context)}`", prose(option.help or ""))
        for option in command.params
        if isinstance(option, click.Option)
    ]
    return "\n\n".join([*parts, table(("option", "meaning"), options)])


def _value(option: click.Option, context: click.Context) -> str:
    return "" if option.is_flag else f" {option.make_metavar(context)}"


def _paragraphs(command: click.Command) -> Iterator[str]:
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        lines = paragraph.split("\n")
        # What click is told not to wrap is shown as it stands.
        yield "```text\n{}\n```".format("\n".join(lines[1:])) if lines[0] == "\b" else wrapped(paragraph)
