"""``inventory verify`` and ``inventory rebuild``."""

import json
import sys
from pathlib import Path

import click

from inventory.cli.backup import show_backup
from inventory.cli.folder import data_dir_option, existing_folder, existing_log
from inventory.cli.terminal import EXIT_CODES, progress_bar
from inventory.verification.verify import verify
from inventory.wiring import layout_of, rebuild

_EXIT_CODES = EXIT_CODES.replace("2 usage error;", "2 usage error; 3 BACKUP has no manifest;")


@click.command("verify", epilog=_EXIT_CODES)
@click.argument("backup", type=click.Path(path_type=Path), required=False)
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def verify_command(backup: Path | None, data_dir: str | None, as_json: bool) -> None:
    """Check a data folder, or a BACKUP that 'inventory backup' has made; change nothing.

    In BACKUP, every file must match the manifest, and every line must continue the hash chain. The command names each
    file that does not, with the events that are lost with it. If BACKUP has no manifest, nothing proves where its log
    should end: the status is 3.

    In a data folder, the command checks the log, the published views and the snapshots.
    Every line must continue the hash chain and the history of its records. Views and snapshots must agree with the
    log; differences in a snapshot are listed as drift, with both figures. Views of an event that was deleted from the
    archive cannot be compared: a note calls them stale, and the log is valid all the same. May run beside servers.
    GET /audit/verify compares what a running worker has in memory.
    """
    if backup is not None:
        if data_dir is not None:
            raise click.UsageError("give either BACKUP or --data-dir")
        show_backup(backup.absolute(), as_json)
        return
    settings = existing_folder(data_dir)
    with progress_bar("verifying") as progress:
        found = verify(layout_of(settings), progress=progress)
    if as_json:
        click.echo(json.dumps({**found.as_json(), "notes": found.notes}))
    else:
        for problem in found.problems:
            click.echo(problem, err=True)
        for note in found.notes:
            click.echo(f"note: {note}", err=True)
        for drift in found.drift.shown:
            click.echo(f"drift: {json.dumps(drift)}", err=True)
        click.echo(f"{'OK' if found.ok else 'FAILED'}: verified through event {found.checked_sequence}.")
    if not found.ok:
        raise click.exceptions.Exit(1)


@click.command("rebuild", epilog=EXIT_CODES)
@data_dir_option
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def rebuild_command(data_dir: str | None, yes: bool, as_json: bool) -> None:
    """Delete what is derived from the log and make it again. The log itself is never touched.

    No server may be running on the folder.
    """
    settings = existing_log(data_dir)
    if not yes:
        if not _is_terminal():
            raise click.UsageError("not a terminal: pass --yes")
        if not click.confirm(f"Delete and rebuild everything in {settings.data_dir} that is derived from the log?"):
            raise click.ClickException("cancelled; nothing was changed")
    with progress_bar("rebuilding") as progress:
        result = rebuild(settings, progress=progress)
    deleted = [str(path) for path in result.deleted]
    if as_json:
        click.echo(json.dumps({"deleted": deleted, "asOfSequence": result.as_of_sequence}))
        return
    for path in deleted:
        click.echo(f"deleted {path}")
    click.echo(f"Rebuilt as of event {result.as_of_sequence}.")


def _is_terminal() -> bool:
    return sys.stdin.isatty()
