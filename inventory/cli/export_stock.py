"""``inventory export``."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from inventory.cli.folder import data_dir_option, existing_log, service
from inventory.cli.stock_csv import export_lines
from inventory.cli.terminal import EXIT_CODES, heeding_sigterm, plural, progress_bar
from inventory.domain.record import Record
from inventory.resilience.disk import Disk, replace_file
from inventory.resilience.retry import RetryPolicy
from inventory.service.ports.stock_reads import every

_BETWEEN_REPORTS = 1000
_AT_ONCE = 1000


@click.command("export", epilog=EXIT_CODES)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON; needs FILE.")
def export_command(file: Path | None, data_dir: str | None, as_json: bool) -> None:
    """Write all stock as CSV to FILE, which is replaced atomically, or to stdout. 'inventory import' reads it.

    All rows are as of one event, whose sequence is shown on stderr. They are sorted by store and SKU, by code point.
    May run beside servers.

    \b
    storeId,sku,onHand,reserved,qty,available,version,safetyStock,lowStock,updatedAt
    """  # noqa: D301 - click's own mark for "do not wrap"
    if as_json and file is None:
        raise click.UsageError("--json needs FILE: without it, stdout carries the stock")
    settings = existing_log(data_dir)
    with heeding_sigterm():
        with service(settings) as services, services.ledger.walk() as stock:
            sequence = stock.as_of_sequence
            found = [record for part in every(stock.records, _AT_ONCE) for record in part]
        records = sorted(found, key=lambda record: record.item)
        with _named("standard output" if file is None else str(file)):
            if file is None:
                _print(records)
            else:
                _write(records, file)
    click.echo(f"{plural(len(records), 'record')} as of event {sequence}", err=True)
    if as_json:
        click.echo(json.dumps({"records": len(records), "asOfSequence": sequence}))


def _print(records: Sequence[Record]) -> None:
    out = sys.stdout.buffer
    for chunk in export_lines(records):
        out.write(chunk)
    out.flush()


def _write(records: Sequence[Record], file: Path) -> None:
    with progress_bar("exporting") as progress:

        def reported() -> Iterator[Record]:
            for number, record in enumerate(records, 1):
                if not number % _BETWEEN_REPORTS:
                    progress(number, len(records))
                yield record

        replace_file(file, lambda: export_lines(reported()), disk=Disk(), retry=RetryPolicy())


@contextmanager
def _named(target: str) -> Iterator[None]:
    """Name ``target`` in an ``OSError`` of the ``with`` block, instead of a temporary file or nothing."""
    try:
        yield
    except BrokenPipeError:
        raise  # the reader of the pipe has ended: no fault
    except OSError as error:
        raise OSError(error.errno, error.strerror, target) from error
