"""``inventory dead-letters``."""

import json
import os
import pwd
from collections.abc import Callable
from typing import Any, Literal

import click

from inventory.cli.folder import data_dir_option, existing_log, service
from inventory.cli.terminal import EXIT_CODES
from inventory.domain.errors import ValidationFailed
from inventory.domain.values import ItemId, item_id
from inventory.eventlog.dead_letter_file import dead_letter_as_json
from inventory.service.ports.dead_letter_store import DeadLetter
from inventory.service.ports.stock_reads import PageRequest

_AT_ONCE = 1000
_LONGEST = 200


@click.group("dead-letters")
def dead_letters_command() -> None:
    """Show and settle events that do not continue the history of their record.

    Such a record keeps the figures that the log says, and refuses changes until its dead letter is settled. May run
    beside servers.
    """


@dead_letters_command.command("list", epilog=EXIT_CODES)
@data_dir_option
@click.option("--all", "settled_too", is_flag=True, help="Show settled ones too.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def list_command(data_dir: str | None, settled_too: bool, as_json: bool) -> None:
    """Show the dead letters in the order in which they were noted; note new ones first."""
    with service(existing_log(data_dir)) as services:
        services.dead_letters.note_new()
        letters: list[DeadLetter] = []
        after: str | None = None
        while True:
            page = services.dead_letters.page(PageRequest(_AT_ONCE, after), None if settled_too else "dead")
            letters += [one.letter for one in page.items]
            after = page.next_after
            if after is None:
                break
    if as_json:
        click.echo(json.dumps({"items": [dead_letter_as_json(letter) for letter in letters]}))
        return
    for letter in letters:
        click.echo(_told(letter))
    if not letters:
        click.echo("There are no dead letters.")


def _item(_: click.Context, __: click.Parameter, value: str | None) -> ItemId | None:
    if value is None:
        return None
    store, _slash, sku = value.partition("/")
    try:
        return item_id(store, sku)
    except ValidationFailed as error:
        raise click.BadParameter(f"{value!r} is not STORE/SKU: {error}") from error


def _reason(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not (value.isprintable() and len(value) <= _LONGEST):
        raise click.BadParameter(f"must be at most {_LONGEST} printable characters")
    return value


def _settling(command: Callable[..., None]) -> Callable[..., None]:
    """Add the argument and the options that both settling commands take."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        click.option("--reason", callback=_reason, help="The reason, kept in the log."),
        click.option("--item", callback=_item, metavar="STORE/SKU", help="The record, if the event broke several."),
        data_dir_option,
        click.argument("sequence", type=click.IntRange(min=1)),
    ):
        command = option(command)
    return command


@dead_letters_command.command("requeue", epilog=EXIT_CODES)
@_settling
def requeue_command(**given: Any) -> None:
    """Accept the event SEQUENCE: its record keeps the figures that the log says, and takes changes again."""
    _settle("requeue", **given)


@dead_letters_command.command("discard", epilog=EXIT_CODES)
@_settling
def discard_command(**given: Any) -> None:
    """Undo the event SEQUENCE: its record gets back the figures from before it, and accepts changes again."""
    _settle("discard", **given)


def _settle(
    action: Literal["requeue", "discard"],
    sequence: int,
    data_dir: str | None,
    item: ItemId | None,
    reason: str | None,
    as_json: bool,
) -> None:
    with service(existing_log(data_dir)) as services:
        letter = services.dead_letters.settle(sequence, item, action, _user(), reason)
    click.echo(json.dumps(dead_letter_as_json(letter)) if as_json else _told(letter))


def _told(letter: DeadLetter) -> str:
    told = f"event {letter.sequence}  {letter.item.store}/{letter.item.sku}  {letter.state}  {letter.reason}"
    if letter.settled is None:
        return told
    why = f": {letter.settled.reason}" if letter.settled.reason else ""
    return f"{told}  (by {letter.settled.by} with event {letter.settled.sequence}{why})"


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
