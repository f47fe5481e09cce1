"""The data folder that a command works on, and the service on top of it."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import click

from inventory.cli.terminal import progress_bar
from inventory.eventlog.data_folder import server_presence, unfinished_restore
from inventory.settings import Reading, Settings, Source, read
from inventory.wiring import Services, build_services, clock_warning, cut_message, layout_of, prepare

_WORKERS_HELP = "Worker processes. Default: WEB_CONCURRENCY, or one for each core."

F = TypeVar("F", bound=Callable[..., Any])


def data_dir_option(command: F) -> F:
    """Give a command the option that every one has."""
    return click.option("--data-dir", type=click.Path(), help="The data folder. Default: DATA_DIR, or ./data.")(command)


def server_options(command: F) -> F:
    """Give a command the options that are settings of a server; it gets them by the names of their settings."""
    for option in (
        data_dir_option,
        click.option("--threads", type=int, help="Threads in each worker. Default: THREADS, or 16."),
        click.option("--workers", "web_concurrency", type=int, help=_WORKERS_HELP),
        click.option("--port", type=int, help="Port to listen on. Default: PORT, or 3000."),
        click.option("--host", help="Address to listen on. Default: HOST, or 127.0.0.1."),
    ):
        command = option(command)
    return command


def read_with_options(given: Mapping[str, object]) -> Reading:
    """Read the settings; ``given`` (by the name of a setting, ``None`` for not given) are values of options.

    The path of the data folder is made absolute.

    :raises SettingsError: a value is not usable; names the variable, and the option if the value came from one.
    """
    texts = {name.upper(): str(value) for name, value in given.items() if value is not None}
    options = {name: Source(_option_of(name), text) for name, text in texts.items()}
    found = read(os.environ, options)
    return replace(found, settings=replace(found.settings, data_dir=found.settings.data_dir.absolute()))


def read_settings(given: Mapping[str, object]) -> Settings:
    """Read the settings, and warn of variables that may be mistyped ones; see ``read_with_options``."""
    found = read_with_options(given)
    for warning in found.warnings():
        click.echo(f"warning: {warning}", err=True)
    return found.settings


def _option_of(variable: str) -> str:
    return "--workers" if variable == "WEB_CONCURRENCY" else f"--{variable.lower().replace('_', '-')}"


def existing_folder(data_dir: str | None) -> Settings:
    """Read the settings of a command that needs a folder, and may begin a log in it."""
    settings = read_settings({"data_dir": data_dir})
    if not settings.data_dir.is_dir():
        raise click.ClickException(f"{settings.data_dir} does not exist; set --data-dir or DATA_DIR")
    return settings


def existing_log(data_dir: str | None) -> Settings:
    """Read the settings of a command that needs a log. It begins none: a mistyped path must not look like no stock."""
    settings = existing_folder(data_dir)
    layout = layout_of(settings)
    if not layout.segments():
        unfinished = unfinished_restore(layout)
        raise click.ClickException(unfinished or f"no event log in {settings.data_dir}; set --data-dir or DATA_DIR")
    return settings


@contextmanager
def service(settings: Settings, on_committer_death: Callable[[], None] = lambda: None) -> Iterator[Services]:
    """Run the service in this process for the ``with`` block; servers may run on the folder at the same time.

    :param on_committer_death: called from another thread when this process can no longer follow the log.
    :raises StartRefused: the folder or its log cannot be used.
    """
    with server_presence(layout_of(settings)):
        with progress_bar("checking the log") as progress:
            recovery = prepare(settings, progress=progress)
        for warning in (cut_message(recovery), clock_warning(recovery)):
            if warning is not None:
                click.echo(f"warning: {warning}", err=True)
        services = build_services(settings, on_committer_death=on_committer_death, folded=recovery.folded)
        try:
            yield services
        finally:
            services.close()
