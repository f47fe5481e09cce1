"""What all commands share: errors (one line on stderr and an exit status), progress bars, plurals."""

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
    """``1 row``, ``2 rows``. :param many: the plural, where an s is not enough."""
    return f"{number} {one}" if number == 1 else f"{number} {many or one + 's'}"


Progress: TypeAlias = Callable[[int, int], None]
"""Called with the work done so far and the work in total."""


@contextmanager
def progress_bar(label: str) -> Iterator[Progress]:
    """Give a ``Progress``; it draws a bar if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        yield progress


EXIT_CODES = "Exit status: 0 success; 1 refused, or a problem was found; 2 usage error; 130 stopped with Ctrl-C."


@contextmanager
def heeding_sigterm() -> Iterator[None]:
    """In the ``with`` block SIGTERM acts like Ctrl-C: the command reports its progress and exits with status 130."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Commands(click.Group):
    """A group that turns the errors of the service into a message on stderr and an exit status."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line. Help that cannot be written ends it like a result that cannot be written."""
        standard_streams.harden()
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            click.ClickException(_told(error)).show()
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and translate its errors."""
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
