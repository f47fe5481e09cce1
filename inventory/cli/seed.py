"""``inventory seed``."""

import json
from pathlib import Path

import click

from inventory.cli.counted import counted
from inventory.cli.endings import EXIT_CODES
from inventory.cli.folder import data_dir_option, existing_folder, service
from inventory.cli.progress import progress_bar
from inventory.cli.seed_file import SeedRow, parse_seed, shipped_seed
from inventory.cli.seeding import apply_seed
from inventory.domain.errors import ValidationFailed

_SHOWN = 100


@click.command("seed", epilog=EXIT_CODES)
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def seed_command(file: Path | None, data_dir: str | None, as_json: bool) -> None:
    """Make the records of a JSON FILE that are not there yet; by default those of the demo.

    The whole FILE is checked first, and nothing is changed if anything in it is wrong. Records that are
    there are left alone, so the command can be repeated, and run beside servers.

    \b
    FILE: {"items": [{"storeId": "berlin-mitte", "sku": "MUG-BLUE", "onHand": 100}, …]}
    """  # noqa: D301 - click's own mark for "do not wrap"
    rows = read_rows(file)
    with service(existing_folder(data_dir)) as services:
        with progress_bar("seeding") as progress:
            created, kept = apply_seed(services.stock, rows, progress)
        sequence = services.ledger.status().sequence
    if as_json:
        click.echo(json.dumps({"created": created, "kept": kept, "asOfSequence": sequence}))
    else:
        alone = counted(kept, "was there already and was", "were there already and were")
        click.echo(f"{created} made, {alone} left alone.")


def read_rows(file: Path | None) -> list[SeedRow]:
    """Read a seed file, or the one that comes with the package; refuses it with every wrong entry named."""
    content = shipped_seed() if file is None else file.read_bytes()
    try:
        return parse_seed(content)
    except ValidationFailed as error:
        lines = [f"  {problem.field}: {problem.message}" for problem in error.problems[:_SHOWN]]
        more = len(error.problems) - len(lines)
        if more:
            lines.append(f"  … and {more} more")
        wrong = counted(len(error.problems), "wrong entry", "wrong entries")
        head = f"{file or 'the seed'} has {wrong}; nothing was changed:"
        raise click.ClickException("\n".join([head, *lines])) from error
