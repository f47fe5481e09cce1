"""``inventory sync``."""

import json

import click

from inventory.cli.endings import EXIT_CODES
from inventory.cli.folder import data_dir_option, existing_log, service


@click.command("sync", epilog=EXIT_CODES)
@data_dir_option
@click.option("--force", is_flag=True, help="Publish even if the files should hold everything already.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def sync_command(data_dir: str | None, force: bool, as_json: bool) -> None:
    """Publish the views as of everything that is committed, once, and say what was done.

    May run beside servers.
    """
    with service(existing_log(data_dir)) as services:
        result = services.sync.sync_once(force=force)
    if as_json:
        shown = {"published": result.published, "asOfSequence": result.as_of_sequence, "tookMs": result.took_ms}
        click.echo(json.dumps(shown))
    elif result.published:
        click.echo(f"Published as of event {result.as_of_sequence}, in {result.took_ms} ms.")
    else:
        click.echo(f"Up to date: the views hold everything up to event {result.as_of_sequence}.")
