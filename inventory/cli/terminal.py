"""What all commands share: how they end (one line on stderr and a status), progress bars, plurals."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import click

from inventory.domain.errors import InventoryError, for_people
from inventory.eventlog.data_folder import StartRefused
from inventory.eventlog.errors import LogError
from inventory.resilience import standard_streams
from inventory.settings import SettingsError


def plural(number: int, one: str, many: str | None = None) -> str:
    """Say how many there are of what: ``1 row``, ``2 rows``; ``many`` where an s is not enough."""
    return f"{number} {one}" if number == 1 else f"{number} {many or one + 's'}"


Progress: TypeAlias = Callable[[int, int], None]
"""Called with what is done and what there is to do."""


@contextmanager
def progress_bar(label: str) -> Iterator[Progress]:
    """Give something to call with what is done and what there is in all; draws a bar if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        yield progress


EXIT_CODES = "Exit status: 0 done; 1 refused, or a problem was found; 2 wrong usage; 130 stopped with Ctrl-C."


@contextmanager
def heeding_sigterm() -> Iterator[None]:
    """Inside the ``with`` block SIGTERM is what Ctrl-C is: the command says how far it is, and its status is 130."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Commands(click.Group):
    """A group whose commands may raise what the service raises."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run it. Help that cannot be written ends as a result does that cannot be."""
        standard_streams.harden()
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            click.ClickException(_told(error)).show()
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except (StartRefused, SettingsError, InventoryError, LogError) as error:
            raise click.ClickException(for_people(error)) from error
        except BrokenPipeError:
            raise  # click ends quietly
        except OSError as error:
            raise click.ClickException(_told(error)) from error
        except (KeyboardInterrupt, click.Abort):
            raise click.exceptions.Exit(130) from None


def _told(error: OSError) -> str:
    return f"{error.filename or 'the system'}: {error.strerror or error}"
