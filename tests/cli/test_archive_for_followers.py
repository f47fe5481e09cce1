"""``inventory archive --keep`` beside continuous copies: segments that a copy lacks are kept."""

import json
from pathlib import Path

import pytest
from support.commands import run

from inventory.backup.follower_position import FollowerPosition, FollowerPositions
from inventory.domain.commands import CountStock
from inventory.domain.values import Instant, item_id
from inventory.eventlog.layout import Layout
from inventory.eventlog.timeline import ids_at
from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy
from inventory.settings import Settings
from inventory.wiring import build_services, layout_of, prepare

TARGET = "/mnt/backup"


@pytest.fixture
def layout(data: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A log whose archive has more than two segments, all of which may go."""
    monkeypatch.setenv("IDEMP_TTL_MS", "1")
    monkeypatch.setenv("SEGMENT_BYTES", "4096")
    settings = Settings(data_dir=data, segment_bytes=4096, idemp_ttl_ms=1)
    for changes in (40, 1):
        prepare(settings)
        services = build_services(settings)
        for number in range(changes):
            services.stock.change(CountStock(item_id("store-1", f"sku-{number}"), number))
        services.close()
        assert run("archive", "--data-dir", data, "--snapshot").exit_code == 0
    assert len(layout_of(settings).archived_segments()) > 2
    return layout_of(settings)


def note(layout: Layout, sequence: int, target: str = TARGET, timeline: str | None = None) -> None:
    ids = ids_at(layout, 41)
    position = FollowerPosition(target, ids.ledger_id, timeline or ids.timeline_id, sequence, "00")
    FollowerPositions(layout, Disk(), RetryPolicy(1)).note(position, Instant(1))


def archive(layout: Layout, *options: object):
    return run("archive", "--data-dir", layout.root, *options)


def test_segments_that_a_follower_has_copied_go_and_those_that_it_lacks_stay(layout: Layout):
    segments = layout.archived_segments()
    note(layout, segments[2] - 1)
    assert archive(layout, "--keep", "0").exit_code == 0
    assert layout.archived_segments() == segments[2:]


def test_a_segment_of_which_a_follower_lacks_only_the_last_event_stays(layout: Layout):
    segments = layout.archived_segments()
    note(layout, segments[1] - 2)
    archive(layout, "--keep", "0")
    assert layout.archived_segments() == segments


def test_a_copy_of_another_timeline_holds_everything_back(layout: Layout):
    segments = layout.archived_segments()
    note(layout, 10**6, timeline="another")
    told = archive(layout, "--keep", "0").stdout
    assert layout.archived_segments() == segments
    assert "the copy in /mnt/backup is of another timeline" in told
    assert "pass --forget-follower /mnt/backup" in told


def test_it_names_the_follower_that_holds_segments_back_and_no_other(layout: Layout):
    note(layout, 1)
    note(layout, 10**6, "/mnt/other")
    told = archive(layout, "--keep", "0").stdout
    assert "kept beyond --keep: the copy in /mnt/backup holds events up to 1. Start" in told
    assert "--forget-follower /mnt/backup" in told
    assert "/mnt/other" not in told


def test_as_json_it_counts_the_segments_and_names_the_followers(layout: Layout):
    segments = layout.archived_segments()
    note(layout, segments[1] - 1)
    told = json.loads(archive(layout, "--keep", "0", "--json").stdout)
    assert (told["deleted"], told["keptForFollowers"], told["followers"]) == (1, len(segments) - 1, [TARGET])


def test_what_keep_keeps_anyway_is_not_said_to_be_held_back(layout: Layout):
    note(layout, 1)
    told = json.loads(archive(layout, "--keep", "1000", "--json").stdout)
    assert (told["deleted"], told["keptForFollowers"], told["followers"]) == (0, 0, [])


def test_a_forgotten_follower_holds_nothing_back(layout: Layout):
    note(layout, 1)
    done = archive(layout, "--keep", "0", "--forget-follower", TARGET)
    assert (done.exit_code, layout.archived_segments()) == (0, [])
    assert "Forgot the copy in /mnt/backup." in done.stdout


def test_another_follower_still_holds_segments_back(layout: Layout):
    segments = layout.archived_segments()
    note(layout, 1)
    note(layout, 2, "/mnt/other")
    archive(layout, "--keep", "0", "--forget-follower", TARGET)
    assert layout.archived_segments() == segments


def test_a_follower_that_is_not_known_cannot_be_forgotten_and_nothing_is_deleted(layout: Layout):
    segments = layout.archived_segments()
    note(layout, 1)
    refused = archive(layout, "--keep", "0", "--forget-follower", "/mnt/typo")
    assert (refused.exit_code, layout.archived_segments()) == (1, segments)
    assert "there is no continuous copy in /mnt/typo; known: /mnt/backup" in refused.stderr


def test_a_follower_that_runs_cannot_be_forgotten(layout: Layout):
    note(layout, 1)
    with FollowerPositions(layout, Disk(), RetryPolicy(1)).lock(Path(TARGET)):
        refused = archive(layout, "--forget-follower", TARGET)
    assert (refused.exit_code, "is running; stop it first" in refused.stderr) == (1, True)
    assert archive(layout, "--forget-follower", TARGET).exit_code == 0


def test_with_a_position_that_cannot_be_read_nothing_is_deleted(layout: Layout):
    segments = layout.archived_segments()
    note(layout, 10**6)
    (damaged,) = layout.backups.glob("*.json")
    damaged.write_bytes(b"{")
    refused = archive(layout, "--keep", "0")
    assert (refused.exit_code, layout.archived_segments()) == (1, segments)
    assert str(damaged) in refused.stderr
