"""``inventory backup``, and what ``inventory verify`` says of a backup."""

import json
import logging
from contextlib import closing
from functools import partial
from pathlib import Path

import click

from inventory.backup.copy import Copy
from inventory.backup.follow import INTERVAL_SECONDS, Follower, marks_of
from inventory.backup.follower_position import FollowerPositions
from inventory.backup.manifest import Manifest
from inventory.backup.target import existing_manifest
from inventory.backup.verify_backup import BackupVerification, verify_backup
from inventory.cli.folder import data_dir_option, existing_log
from inventory.cli.terminal import EXIT_CODES, heeding_sigterm, plural, progress_bar
from inventory.domain.values import format_instant
from inventory.eventlog.errors import LogDamaged
from inventory.resilience.host_clock import HostClock
from inventory.resilience.retry import RetryPolicy
from inventory.server.periodic_jobs import told_by_signals
from inventory.settings import Settings
from inventory.web import logs
from inventory.wiring import disk_of, layout_of

_log = logging.getLogger("inventory.backup")


@click.command("backup", epilog=EXIT_CODES)
@click.argument("target", type=click.Path(path_type=Path))
@data_dir_option
@click.option("--follow", is_flag=True, help="Go on copying until SIGTERM, SIGINT or Ctrl-C: a continuous copy.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def backup_command(target: Path, data_dir: str | None, follow: bool, as_json: bool) -> None:
    """Copy the ledger to the folder TARGET; if TARGET is a backup already, copy only what is new.

    May run beside servers, and copies every change that was confirmed before the command began. TARGET should be on
    another disk; the command creates it if it does not exist. 'inventory verify TARGET' checks it. What the data folder
    compresses or deletes later stays in the backup. If TARGET is a backup of another ledger, or from before a restore,
    the command refuses and leaves it as it is. After Ctrl-C, a kill or a full disk, the previous backup is still valid,
    and the next run continues.

    With --follow, the command keeps TARGET at most a second behind. It stores its position in the data folder:
    readiness and metrics show its age as backupLagMs, and 'inventory archive --keep' keeps the segments that TARGET
    does not have. If TARGET is full or gone, or no server has started on the data folder since the host was booted, the
    command reports it once and tries again. If it cannot continue without a gap, it ends with status 1. When it is
    stopped, it makes a last pass and ends with status 0. Its log is on stdout; LOG_FORMAT chooses the form.
    """
    settings, root = existing_log(data_dir), target.absolute()
    if follow:
        if as_json:
            raise click.UsageError("--follow writes a log and prints no result: leave out --json")
        _follow(settings, root)
        return
    before = existing_manifest(root)
    copy = Copy(layout_of(settings), root, disk_of(settings))
    with heeding_sigterm(), closing(copy), progress_bar("copying") as progress:
        try:
            manifest = copy.run(progress)
        except LogDamaged as damage:
            raise click.ClickException(
                f"The event log is damaged, or incomplete: {damage}.\nWhat comes before is in the backup. See"
                " docs/how-to/damaged-log.md"
            ) from damage
    new = manifest.last - (before.last if before is not None and before.last else manifest.first - 1)
    if as_json:
        click.echo(json.dumps({**_as_json(manifest), "newEvents": new}))
    else:
        click.echo(f"Backed up through event {manifest.last}: {plural(new, 'new event')} in {root}.")


def _follow(settings: Settings, target: Path) -> None:
    layout, disk, machine = layout_of(settings), disk_of(settings), HostClock()
    layout.make_folders()
    positions = FollowerPositions(layout, disk, RetryPolicy())
    logs.configure_logging(settings.log_level, settings.log_format)
    try:
        with (
            told_by_signals() as endings,
            positions.lock(target) as ours,
            closing(Copy(layout, target, disk, machine)) as copying,
        ):
            if not ours:
                raise click.ClickException(f"another process is already following {layout.root} to {target}")
            told = {"target": str(target), "dataDir": str(layout.root), "intervalMs": round(INTERVAL_SECONDS * 1000)}
            _log.info("following", extra=told)
            follower = Follower(target, copying, positions, partial(marks_of, layout, machine))
            follower.run(endings)
            _log.info("stopped as requested", extra={"asOfSequence": follower.last})
    finally:
        logs.stop()


def _as_json(manifest: Manifest) -> dict[str, object]:
    at = manifest.last_at
    return {
        "ledgerId": manifest.ledger_id,
        "timelineId": manifest.timeline_id,
        "firstSequence": manifest.first,
        "lastSequence": manifest.last,
        "lastAt": None if at is None else format_instant(at),
        "bytes": sum(file.size for file in manifest.files),
    }


NO_MANIFEST = 3
"""The exit status if nothing proves where the log of a folder should end."""


def show_backup(root: Path, as_json: bool) -> None:
    """Check a backup, and print what was found."""
    with progress_bar("verifying") as progress:
        found = verify_backup(root, progress)
    if as_json:
        click.echo(json.dumps(found.as_json()))
    else:
        for problem in found.problems:
            click.echo(problem, err=True)
        for note in found.notes:
            click.echo(f"note: {note}", err=True)
        click.echo(_summary(root, found))
    if not found.ok:
        raise click.exceptions.Exit(1 if found.problems else NO_MANIFEST)


def _summary(root: Path, found: BackupVerification) -> str:
    last = f"event {found.last}" + (f" ({found.last_at})" if found.last_at else "")
    if found.manifest is None and found.problems:
        return f"FAILED: {root} has no valid manifest. Its log can be read up to {last}."
    if found.manifest is None:
        return (
            f"NO MANIFEST: {root} is a copy of files, or a data folder. Its log ends at {last}, and nothing proves that"
            f" no later events are missing.\nTo check a data folder, run: inventory verify --data-dir {root}"
        )
    if found.ok:
        return f"OK: verified through {last} of ledger {found.manifest.ledger_id}."
    return f"FAILED: verified through event {found.last} of {found.manifest.last}."
