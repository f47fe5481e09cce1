"""How a command ends: one line on stderr and a status, never a trace."""

from typing import Any

import click

from inventory.bootstrap import StartRefused
from inventory.domain.errors import InventoryError
from inventory.eventlog.errors import LogError
from inventory.settings import SettingsError

EXIT_CODES = "Exit status: 0 done; 1 refused, or a problem was found; 2 wrong usage; 130 stopped with Ctrl-C."


class Commands(click.Group):
    """A group whose commands may raise what the service raises."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except (StartRefused, SettingsError, InventoryError, LogError) as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:
            raise  # click ends quietly
        except OSError as error:
            raise click.ClickException(f"{error.filename or 'the system'}: {error.strerror or error}") from error
        except (KeyboardInterrupt, click.Abort):
            raise click.exceptions.Exit(130) from None
