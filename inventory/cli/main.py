"""The group of commands."""

import click

from inventory import __version__
from inventory.cli.archive import archive_command
from inventory.cli.backup import backup_command
from inventory.cli.dead_letters import dead_letters_command
from inventory.cli.export_stock import export_command
from inventory.cli.import_stock import import_command
from inventory.cli.restore import restore_command
from inventory.cli.seed import seed_command
from inventory.cli.serve import serve_command
from inventory.cli.settings import settings_command
from inventory.cli.sync import sync_command, worker_command
from inventory.cli.terminal import EXIT_CODES, Commands
from inventory.cli.verify import rebuild_command, verify_command

_HELP = f"""Stock figures for many stores that are never oversold, never lost and never applied twice.

\b
  inventory serve --init --demo     create the folder ./data with demo stock, and serve on 127.0.0.1:3000
  inventory verify                  check every byte of the log, the views and the snapshots

Every setting is an environment variable (DATA_DIR, PORT, …; also INVENTORY_DATA_DIR, INVENTORY_PORT, …); options
override them. 'inventory settings' shows each setting, its value and where it comes from.

{EXIT_CODES}
"""


@click.group("inventory", cls=Commands, help=_HELP, epilog="'inventory COMMAND --help' shows the options of a command.")
@click.version_option(__version__, "--version", prog_name="inventory")
def main() -> None:
    """Choose a command."""


for command in (
    serve_command,
    worker_command,
    seed_command,
    import_command,
    export_command,
    verify_command,
    rebuild_command,
    sync_command,
    backup_command,
    archive_command,
    restore_command,
    dead_letters_command,
    settings_command,
):
    main.add_command(command)
