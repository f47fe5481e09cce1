"""``inventory import``."""

import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import click

from inventory.cli.folder import data_dir_option, existing_folder, service
from inventory.cli.import_rows import AT_ONCE, Importing, ImportNoteFile, Numbered
from inventory.cli.stock_csv import Entry, NotStock, StockReader
from inventory.cli.terminal import EXIT_CODES, Progress, heeding_sigterm, plural, progress_bar
from inventory.domain.errors import FieldProblem
from inventory.resilience.process_lock import process_lock
from inventory.settings import Settings
from inventory.wiring import layout_of

_IN_JSON = 1000


@click.command("import", epilog=EXIT_CODES)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_dir_option
@click.option("--dry-run", is_flag=True, help="Check the file; change nothing.")
@click.option("--again", is_flag=True, help="Set every count again, even if this file was imported before.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def import_command(file: Path, data_dir: str | None, dry_run: bool, again: bool, as_json: bool) -> None:
    """Set the counts, and the policies if given, from a CSV FILE.

    The whole FILE is checked first. If any row is invalid, each of them is named by its line on stderr, and nothing is
    changed. A row that is refused later, because the history of its record is broken, is named the same way; the other
    rows are applied.

    Repeat an interrupted import to continue it. No row is applied twice: each has an idempotency key, made from the
    content of the FILE and the number of the row. Keys expire after IDEMP_TTL_MS. After that, an interrupted import is
    refused if it is not known which rows were applied. May run beside servers, one import at a time.

    \b
    storeId,sku,onHand                 required; a header row, columns in any order
    safetyStock,lowStock               both columns or none. Both cells empty: the policy stays as it is. Otherwise
                                       the row sets all of it: safetyStock is required (0 for none), and an
                                       empty lowStock means no threshold, as in an export
    reason,reference                   kept in the event
    reserved,qty,available,version,updatedAt    columns of an export; ignored
    """  # noqa: D301 - click's own mark for "do not wrap"
    settings = existing_folder(data_dir)
    report = _Report()
    with open(file, "rb") as opened, heeding_sigterm():
        _require_regular(opened, file)
        checked = _check(opened, report, file)
        if report.count:
            report.tell(as_json, {"rows": checked.rows, "badRows": report.count})
            raise click.ClickException(f"{file} has {plural(report.count, 'problem')}; nothing was changed")
        if dry_run:
            good = {"rows": checked.rows, "badRows": 0, "dryRun": True}
            _tell(as_json, good, f"{plural(checked.rows, 'row')}, all valid.")
            return
        importing = _import(settings, opened, checked, report, again=again)
    if report.count:
        report.tell(as_json, importing)
        raise click.ClickException(f"{plural(report.count, 'row was', 'rows were')} refused; the others were applied")
    done = f"{plural(importing['applied'], 'row')} applied, {importing['alreadyIn']} already applied."
    _tell(as_json, importing, done)


class _Checked(NamedTuple):
    """What the check found; the file must not change after it."""

    digest: str
    rows: int
    signature: tuple[int, int, int]


class _Report:
    """Reports invalid rows on stderr as they are found, and keeps the first ones for the JSON."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[dict[str, object]] = []

    def __call__(self, line: int, field: str, message: str) -> None:
        self.count += 1
        if len(self._kept) < _IN_JSON:
            self._kept.append({"line": line, "field": field, "message": message})
        click.echo(f"line {line}: {field}: {message}", err=True)

    def tell(self, as_json: bool, result: Mapping[str, object]) -> None:
        if as_json:
            click.echo(json.dumps({**result, "problems": self._kept}))


def _check(opened: BinaryIO, report: _Report, file: Path) -> _Checked:
    """Read the whole file once. A record may appear once: of two counts, a random one would win."""
    signature, reader, seen, rows = _signature(opened), StockReader(opened), dict[int, int](), 0
    with progress_bar("checking") as progress:
        for rows, entry in enumerate(_entries(reader, file), 1):
            problems = entry.problems
            if entry.row is not None:
                # 64 bits of a keyed hash stand for the name: a tenth of its size.
                first = seen.setdefault(hash(entry.row.item), entry.line)
                if first != entry.line:
                    problems = (FieldProblem("row", f"repeats the record of line {first}"),)
            for problem in problems:
                report(entry.line, *problem)
            if not rows % AT_ONCE:
                progress(reader.bytes_read, signature[1])
    return _Checked(reader.digest, rows, signature)


def _import(settings: Settings, opened: BinaryIO, checked: _Checked, report: _Report, *, again: bool) -> dict[str, int]:
    layout = layout_of(settings)
    with service(settings) as services, process_lock(layout.import_lock, wait_ms=0) as ours:
        if not ours:
            raise click.ClickException("another import is running on this folder")
        importing = Importing(
            services.stock,
            services.ledger,
            settings.idemp_ttl_ms,
            refuse=lambda line, why: report(line, "row", why),
        )
        try:
            with progress_bar("importing") as progress:
                rows = _rows(opened, checked, progress)
                importing.run(
                    rows, checked.rows, checked.digest, ImportNoteFile(layout.imports, checked.digest), again=again
                )
        except KeyboardInterrupt:
            done = importing.applied + importing.kept + importing.refused
            click.echo(f"stopped: {done} of {checked.rows} rows are done; repeat the command to continue", err=True)
            raise
        return {
            "rows": checked.rows,
            "applied": importing.applied,
            "alreadyIn": importing.kept,
            "refused": importing.refused,
            "asOfSequence": services.ledger.status().sequence,
        }


def _rows(opened: BinaryIO, checked: _Checked, progress: Progress) -> Iterator[Numbered]:
    opened.seek(0)
    reader = StockReader(opened)
    for number, entry in enumerate(reader.entries(), 1):
        if number % AT_ONCE == 1:
            progress(reader.bytes_read, checked.signature[1])
            if _signature(opened) != checked.signature:
                raise click.ClickException("the file changed during the import; the rows read before that were applied")
        if entry.row is None:
            raise click.ClickException(f"line {entry.line} was valid in the check: the file changed during the import")
        yield Numbered(number, entry.line, entry.row)


def _entries(reader: StockReader, file: Path) -> Iterator[Entry]:
    try:
        yield from reader.entries()
    except NotStock as error:
        raise click.ClickException(f"{file}: {error}; nothing was changed") from error


def _require_regular(opened: BinaryIO, file: Path) -> None:
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        raise click.UsageError(f"{file} must be a regular file: it is read twice")


def _signature(opened: BinaryIO) -> tuple[int, int, int]:
    found = os.fstat(opened.fileno())
    return found.st_ino, found.st_size, found.st_mtime_ns


def _tell(as_json: bool, result: Mapping[str, object], text: str) -> None:
    click.echo(json.dumps(result) if as_json else text)
