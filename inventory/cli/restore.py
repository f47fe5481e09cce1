"""``inventory restore``."""

import json
import re
import socket
from pathlib import Path
from typing import Any

import click

from inventory.backup.manifest import BackupDamaged, NoManifest
from inventory.backup.restore import RestoredLedger, restore
from inventory.backup.restore_plan import RestorePlan, Until, plan_restore
from inventory.backup.restoring_folder import require_apart, require_empty
from inventory.cli.folder import data_dir_option, read_settings
from inventory.cli.terminal import EXIT_CODES, heeding_sigterm, plural, progress_bar
from inventory.domain.values import Instant, format_instant, parse_instant
from inventory.resilience.host_clock import HostClock
from inventory.wiring import layout_of

_SHOWN = 20
_SEQUENCE = re.compile(r"[0-9]{1,18}", re.ASCII)


def _moment(_ctx: click.Context, _param: click.Parameter, given: str | None) -> Until:
    if given is None:
        return Until()
    if _SEQUENCE.fullmatch(given):
        return Until(sequence=int(given))
    try:
        return Until(at=parse_instant(given))
    except (TypeError, ValueError) as error:
        raise click.BadParameter(
            f"{given!r} is neither the sequence of an event nor an RFC 3339 time with an offset, such as"
            " 2026-11-22T14:38:20Z"
        ) from error


@click.command("restore", epilog=EXIT_CODES)
@click.argument("backup", type=click.Path(file_okay=False, path_type=Path))
@data_dir_option
@click.option(
    "--until",
    metavar="SEQUENCE|INSTANT",
    callback=_moment,
    help="Restore up to the last event that is not after this: a sequence, or an RFC 3339 time with an offset.",
)
@click.option("--up-to-damage", is_flag=True, help="If BACKUP is damaged, restore what is proven before the damage.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def restore_command(backup: Path, data_dir: str | None, until: Until, up_to_damage: bool, as_json: bool) -> None:
    """Build a data folder from BACKUP, which 'inventory backup' has made.

    The command creates the folder if it does not exist; an existing one must be empty. It first compares every file of
    BACKUP with the manifest, and does not change BACKUP. No server can start on the folder until the restore has
    finished. The restored log ends with the event ledger.restored, which begins a new timeline.

    With --until, later events are left behind. The result says until when a retry of one of their requests would change
    stock again, in spite of its idempotency key, and which holds the first start ends.
    """
    layout, backup = layout_of(read_settings({"data_dir": data_dir})), backup.absolute()
    now = Instant(HostClock().wall())
    with heeding_sigterm():
        require_empty(layout)
        require_apart(layout, backup)
        try:
            plan = plan_restore(backup, until, now, up_to_damage=up_to_damage, bars=progress_bar)
        except (NoManifest, BackupDamaged) as error:
            raise click.ClickException(
                f"{error}. Nothing was restored. See 'From a copy without a manifest' in"
                " docs/how-to/backup-and-restore.md"
            ) from error
        restored = restore(plan, layout, now, socket.gethostname(), bars=progress_bar)
    if as_json:
        click.echo(json.dumps(_as_json(plan, restored)))
    else:
        for line in _for_people(plan, restored, layout.root):
            click.echo(line)


def _as_json(plan: RestorePlan, restored: RestoredLedger) -> dict[str, Any]:
    return {
        "restoredSequence": plan.sequence,
        "restoredAt": _text(plan.last_at),
        "ledgerId": restored.ledger_id,
        "timelineId": restored.timeline_id,
        "asOfSequence": restored.sequence,
        "leftBehind": plan.left_behind,
        "lostInBackup": plan.unreadable,
        "keysCountAgainUntil": _text(plan.keys_until),
        "expiringHolds": [
            {"reservationId": hold.reservation_id, "expiresAt": format_instant(hold.expires_at)} for hold in plan.due
        ],
        "damage": [
            {"path": str(damage.path), "reason": damage.reason, "lostEvents": damage.lost} for damage in plan.damage
        ],
    }


def _text(at: Instant | None) -> str | None:
    return None if at is None else format_instant(at)


def _for_people(plan: RestorePlan, restored: RestoredLedger, folder: Path) -> list[str]:
    moment = "from an empty backup" if plan.last_at is None else f"up to event {plan.sequence} ({_text(plan.last_at)})"
    told = [f"damaged: {damage}" for damage in plan.damage]
    told.append(f"Restored {folder} {moment}.")
    told.append(f"Event {restored.sequence}, ledger.restored, begins the timeline {restored.timeline_id}.")
    if plan.left_behind:
        lost = f", {plan.unreadable} of them lost in the backup with their keys" if plan.unreadable else ""
        told.append(f"{plural(plan.left_behind, 'later event')} left behind{lost}.")
    if plan.keys_until is not None:
        told.append(
            f"Until {format_instant(plan.keys_until)}, a retry of a request whose event was left behind would change"
            " stock again, in spite of its idempotency key."
        )
    if plan.due:
        told.append(f"The first start ends {plural(len(plan.due), 'hold')} that expired meanwhile:")
        told += [f"  {hold.reservation_id} expired {format_instant(hold.expires_at)}" for hold in plan.due[:_SHOWN]]
        if len(plan.due) > _SHOWN:
            told.append(f"  … and {len(plan.due) - _SHOWN} more; --json lists all")
    return told
