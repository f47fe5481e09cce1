"""The data folder that a command works on, and the service on top of it."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import click

from inventory.cli.terminal import progress_bar
from inventory.eventlog.data_folder import server_presence
from inventory.settings import Settings, from_environment
from inventory.wiring import Services, build_services, clock_warning, layout_of, prepare

F = TypeVar("F", bound=Callable[..., Any])


def data_dir_option(command: F) -> F:
    """Give a command the option that every one has."""
    return click.option("--data-dir", type=click.Path(), help="The data folder. Default: DATA_DIR, or ./data.")(command)


def read_settings(given: Mapping[str, object]) -> Settings:
    """Read the settings; ``given`` (by variable, ``None`` for not given) overrides the environment.

    The path of the data folder is made absolute.

    :raises SettingsError: a value is not usable; names the variable, and the option if the value came from one.
    """
    values = {name: str(value) for name, value in given.items() if value is not None}
    settings = from_environment({**os.environ, **values}, {name: _option_of(name) for name in values})
    return replace(settings, data_dir=settings.data_dir.absolute())


def _option_of(variable: str) -> str:
    return "--workers" if variable == "WEB_CONCURRENCY" else f"--{variable.lower().replace('_', '-')}"


def existing_folder(data_dir: str | None) -> Settings:
    """Read the settings of a command that needs a folder, and may begin a log in it."""
    settings = read_settings({"DATA_DIR": data_dir})
    if not settings.data_dir.is_dir():
        raise click.ClickException(f"{settings.data_dir} does not exist; set --data-dir or DATA_DIR")
    return settings


def existing_log(data_dir: str | None) -> Settings:
    """Read the settings of a command that needs a log. It begins none: a mistyped path must not look like no stock."""
    settings = existing_folder(data_dir)
    if not layout_of(settings).segments():
        raise click.ClickException(f"no event log in {settings.data_dir}; set --data-dir or DATA_DIR")
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
        if recovery.cut is not None:
            click.echo(f"Cut unconfirmed changes off the end of the log; a copy is in {recovery.cut}", err=True)
        if (warning := clock_warning(recovery)) is not None:
            click.echo(f"warning: {warning}", err=True)
        services = build_services(settings, on_committer_death=on_committer_death, folded=recovery.folded)
        try:
            yield services
        finally:
            services.close()
