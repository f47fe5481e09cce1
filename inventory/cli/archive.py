"""``inventory archive``."""

import json

import click

from inventory.cli.folder import data_dir_option, existing_log, service
from inventory.cli.terminal import EXIT_CODES, plural
from inventory.eventlog.snapshot import read_start
from inventory.wiring import layout_of


@click.command("archive", epilog=EXIT_CODES)
@data_dir_option
@click.option("--keep", type=click.IntRange(min=0), help="Delete all but the newest KEEP archive segments.")
@click.option("--snapshot", is_flag=True, help="Take a snapshot and compact first.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def archive_command(data_dir: str | None, keep: int | None, snapshot: bool, as_json: bool) -> None:
    """Show the size of the log; delete old segments of the archive with --keep.

    A deleted segment is gone for good. The stock stays, in snapshots and log, but that part of its history can no
    longer be read, and the snapshots are then the only thing to start from. Segments with the first answer to an
    idempotency key that has not expired are kept. May run beside servers.
    """
    settings = existing_log(data_dir)
    with service(settings) as services:
        if services.maintenance is None:
            raise click.ClickException("this log needs no maintenance")
        if snapshot:
            services.maintenance.run_once()
        archived = layout_of(settings).archived_segments()
        old = [] if keep is None else archived[: len(archived) - keep]
        needed = services.maintenance.needed_from() if old else 0
        held_back = [segment for segment in old if segment >= needed]
        old = [segment for segment in old if segment < needed]
        whole = services.maintenance.whole_snapshots()
        if old and len(whole) < 2:
            raise click.ClickException("--keep needs two valid snapshots; take one with --snapshot")
        if old and read_start(layout_of(settings).snapshot(whole[-1])).ids.ledger_id is None:
            # Only the first event of the log says which ledger this is, until a snapshot carries it.
            services.maintenance.run_once()
        for segment in old:
            layout_of(settings).archived(segment).unlink()
        figures = services.storage_figures()
    if as_json:
        shown = {
            "deleted": len(old),
            "kept": len(archived) - len(old),
            "keptForKeys": len(held_back),
            **figures._asdict(),
        }
        click.echo(json.dumps(shown))
        return
    click.echo(
        f"log {figures.log_bytes:,} bytes, archive {figures.archive_bytes:,}, snapshots {figures.snapshot_bytes:,}"
    )
    if keep is not None:
        deleted = plural(len(old), "archive segment")
        click.echo(f"{deleted} deleted, {len(archived) - len(old)} kept.")
        if held_back:
            click.echo(
                f"{plural(len(held_back), 'segment')} kept beyond --keep: unexpired idempotency keys need their events."
            )
