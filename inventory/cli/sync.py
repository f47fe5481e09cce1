"""``inventory sync`` and ``inventory worker``."""

import json

import click

from inventory.cli.folder import data_dir_option, existing_folder, existing_log, service
from inventory.cli.terminal import EXIT_CODES
from inventory.server.periodic_jobs import DIED, told_by_signals, work
from inventory.web import logs


@click.command("sync", epilog=EXIT_CODES)
@data_dir_option
@click.option("--force", is_flag=True, help="Publish even if the files should already be up to date.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def sync_command(data_dir: str | None, force: bool, as_json: bool) -> None:
    """Publish the views once, with everything that is committed.

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


@click.command("worker", epilog=EXIT_CODES)
@data_dir_option
def worker_command(data_dir: str | None) -> None:
    """Publish the views and maintain the log until SIGTERM, SIGINT or Ctrl-C, without serving HTTP.

    Servers do this beside their requests; with SYNC_MODE=off they leave it to this command, which ignores SYNC_MODE.
    Several such processes may run on one folder; a process lock decides which one works. At the end it publishes a last
    time, and the status is 0. Its log is on stdout; LOG_FORMAT chooses the form.
    """
    settings = existing_folder(data_dir)
    logs.configure_logging(settings.log_level, settings.log_format)
    try:
        with (
            told_by_signals() as endings,
            service(settings, on_committer_death=lambda: endings.put(DIED)) as services,
        ):
            if not work(services, endings):
                reason = services.ledger.status().read_only or DIED
                raise click.ClickException(f"this worker can no longer follow the log: {reason}; start it again")
    finally:
        logs.stop()
