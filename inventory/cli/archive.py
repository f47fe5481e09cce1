"""``inventory archive``."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import click

from inventory.backup.follower_position import FollowerPosition, FollowerPositions
from inventory.cli.folder import data_dir_option, existing_log, service
from inventory.cli.terminal import EXIT_CODES, plural
from inventory.eventlog.layout import Layout
from inventory.eventlog.snapshot import read_start
from inventory.eventlog.timeline import ids_at
from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy
from inventory.wiring import Services, layout_of


@click.command("archive", epilog=EXIT_CODES)
@data_dir_option
@click.option("--keep", type=click.IntRange(min=0), help="Delete all but the newest KEEP archive segments.")
@click.option("--snapshot", is_flag=True, help="Take a snapshot and compact first.")
@click.option(
    "--forget-follower",
    "forgotten",
    multiple=True,
    type=click.Path(),
    metavar="TARGET",
    help="Give up the continuous copy in TARGET: keep no segments for it. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def archive_command(
    data_dir: str | None, keep: int | None, snapshot: bool, forgotten: tuple[str, ...], as_json: bool
) -> None:
    """Show the size of the log; delete old segments of the archive with --keep.

    A deleted segment is gone for good. The stock stays, in snapshots and log, but that part of its history can no
    longer be read, and the snapshots are then the only thing to start from. Segments with the first answer to an
    idempotency key that has not expired are kept, and so are those that a continuous copy (backup --follow) does not
    have yet, whether it runs or not. If no snapshot has the id of the ledger yet, as after an upgrade, the command
    takes one first. May run beside servers.
    """
    settings = existing_log(data_dir)
    layout = layout_of(settings)
    followers = FollowerPositions(layout, Disk(), RetryPolicy())
    with service(settings) as services:
        if services.maintenance is None:
            raise click.ClickException("this log needs no maintenance")
        for target in forgotten:
            _forget(followers, Path(target).absolute())
            click.echo(f"Forgot the copy in {target}.", err=as_json)
        if snapshot:
            services.maintenance.run_once()
        archived = layout.archived_segments()
        old = [] if keep is None else archived[: max(0, len(archived) - keep)]
        kept = _kept(layout, old, services, followers)
        old = [segment for segment in old if segment not in {*kept.for_keys, *kept.for_followers}]
        whole = services.maintenance.whole_snapshots() if old else []
        if old and len(whole) < 2:
            raise click.ClickException("--keep needs two valid snapshots; take one with --snapshot")
        if old and read_start(layout.snapshot(whole[-1])).ids.ledger_id is None:
            # Only the first event of the log says which ledger this is, until a snapshot carries it.
            services.maintenance.run_once()
        for segment in old:
            layout.archived(segment).unlink()
        figures = services.storage_figures()
    if as_json:
        shown = {
            "deleted": len(old),
            "kept": len(archived) - len(old),
            "keptForKeys": len(kept.for_keys),
            "keptForFollowers": len(kept.for_followers),
            "followers": [position.target for position in kept.followers],
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
        _explain(kept)


class _Kept(NamedTuple):
    """Segments that stay although they are old. ``followers`` lack some of them; ``timeline_id`` is that of the log."""

    for_keys: list[int]
    for_followers: list[int]
    followers: list[FollowerPosition]
    timeline_id: str | None = None


def _kept(layout: Layout, old: Sequence[int], services: Services, followers: FollowerPositions) -> _Kept:
    if not old or services.maintenance is None:
        return _Kept([], [], [])
    needed, positions = services.maintenance.needed_from(), followers.all()
    timeline_id = ids_at(layout, services.ledger.status().sequence).timeline_id if positions else None
    # The log first: a segment that moves to the archive meanwhile is in both.
    firsts = sorted({*layout.segments(), *layout.archived_segments()})
    last_of = {first: following - 1 for first, following in pairwise(firsts)}
    lacking = {
        segment: [position for position in positions if position.lacks(last_of[segment], timeline_id)]
        for segment in old
    }
    return _Kept(
        [segment for segment in old if segment >= needed],
        [segment for segment, those in lacking.items() if those],
        [position for position in positions if any(position in those for those in lacking.values())],
        timeline_id,
    )


def _explain(kept: _Kept) -> None:
    if kept.for_keys:
        click.echo(
            f"{plural(len(kept.for_keys), 'segment')} kept beyond --keep: unexpired idempotency keys need their events."
        )
    for position in kept.followers:
        target = position.target
        how = (
            f"holds events up to {position.sequence}. Start 'inventory backup --follow {target}'; or, if that copy is"
            " given up,"
            if position.timeline_id == kept.timeline_id
            else "is of another timeline and cannot be continued. If these segments are not needed for it,"
        )
        click.echo(
            f"{plural(len(kept.for_followers), 'segment')} kept beyond --keep: the copy in {target} {how} pass"
            f" --forget-follower {target}."
        )


def _forget(followers: FollowerPositions, target: Path) -> None:
    with followers.lock(target) as ours:
        if not ours:
            raise click.ClickException(f"'inventory backup --follow {target}' is running; stop it first")
        try:
            followers.forget(target)
        except FileNotFoundError:
            known = ", ".join(position.target for position in followers.all()) or "none"
            raise click.ClickException(f"there is no continuous copy in {target}; known: {known}") from None
