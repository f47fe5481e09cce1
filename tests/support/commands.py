"""``inventory …`` in this process, for commands that need no server."""

from click.testing import CliRunner, Result

from inventory.cli.main import main


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="inventory")
