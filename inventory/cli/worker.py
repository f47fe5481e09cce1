"""``inventory worker``."""

import click

from inventory.cli.endings import EXIT_CODES
from inventory.cli.folder import data_dir_option, existing_folder, service
from inventory.server.periodic_jobs import DIED, told_by_signals, work
from inventory.web import logs


@click.command("worker", epilog=EXIT_CODES)
@data_dir_option
def worker_command(data_dir: str | None) -> None:
    """Publish the views and keep the log up until SIGTERM, SIGINT or Ctrl-C, and then a last time; status 0.

    This is what servers do beside their requests; those with SYNC_MODE=off leave it to this command, which
    does not look at SYNC_MODE. Several may run, and servers that do it too: one at a time has the turn.
    The log is JSON lines on stdout.
    """
    settings = existing_folder(data_dir)
    logs.configure_logging(settings.log_level)
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
