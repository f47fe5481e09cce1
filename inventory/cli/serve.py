"""``inventory serve``."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.util import import_app  # type: ignore[import-untyped]

from inventory.cli.folder import read_with_options, server_options, service
from inventory.cli.seed import apply_seed, read_rows
from inventory.cli.terminal import EXIT_CODES, progress_bar
from inventory.settings import PREFIX, Settings

APP = "inventory.web.wsgi:app"
CONFIGURATION = "inventory.server.gunicorn_conf"


class Server(BaseApplication):  # type: ignore[misc]
    """``gunicorn -c python:CONFIGURATION APP``, in this process.

    It does not exec gunicorn's own command: that puts the working folder before the installed packages, so it would
    import a file there that is called flask.py.
    """

    def load_config(self) -> None:
        """Load the gunicorn settings and hooks of ``CONFIGURATION``."""
        for name, value in vars(import_module(CONFIGURATION)).items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        """Make the app; called in each worker."""
        return import_app(APP)


@click.command("serve", epilog=EXIT_CODES)
@click.option("--init", is_flag=True, help="Create the data folder if it does not exist.")
@click.option("--demo", is_flag=True, help="Add demo stock if the log has no event yet.")
@server_options
def serve_command(init: bool, demo: bool, **given: object) -> None:
    """Serve HTTP until SIGTERM, SIGINT or Ctrl-C.

    The server then answers the requests that it has begun, and ends with status 0. The request log is on stdout, the
    log of the server on stderr; LOG_FORMAT chooses the form. The service does not authenticate callers yet: listen
    beyond 127.0.0.1 only behind a proxy that does.
    """
    # The server itself warns of variables that may be mistyped settings.
    reading = read_with_options(given)
    settings = reading.settings
    if settings.data_dir.exists() and not settings.data_dir.is_dir():
        raise click.ClickException(f"{settings.data_dir} is not a folder; set --data-dir or DATA_DIR")
    if init:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    elif not settings.data_dir.is_dir():
        raise click.ClickException(f"{settings.data_dir} does not exist; create it with --init, or set --data-dir")
    click.echo(f"Data folder: {settings.data_dir}", err=True)
    if demo and log_is_empty(settings.data_dir):
        _seed(settings)
    # The configuration and the workers read the environment, as they do under gunicorn's own command.
    options = {name: source.text for name, source in reading.sources.items() if source.is_option}
    options["DATA_DIR"] = str(settings.data_dir)
    os.environ.update({PREFIX + name: text for name, text in options.items()})
    Server(prog="inventory serve").run()


def log_is_empty(data_dir: Path) -> bool:
    """Whether no event was ever stored. Looks at file sizes only: folding a long log would take too long."""
    files = [file for folder in ("events", "archive") for file in (data_dir / folder).glob("*")]
    return not any(file.stat().st_size for file in files)


def _seed(settings: Settings) -> None:
    rows = read_rows(None)
    # Ends its thread before the server forks.
    with service(settings) as services, progress_bar("seeding") as progress:
        created, _ = apply_seed(services.stock, rows, progress)
    click.echo(f"Created {created} demo records", err=True)
