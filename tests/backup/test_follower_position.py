"""How far continuous copies are, as the data folder of their source has it."""

from pathlib import Path

import pytest
from support.given import Clock

from inventory.backup.follower_position import FollowerPosition, FollowerPositions, PositionUnreadable, lag_ms
from inventory.domain.values import Instant
from inventory.eventlog.layout import Layout
from inventory.resilience.disk import Disk
from inventory.resilience.retry import RetryPolicy

SECOND = 1_000_000


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "data")
    layout.root.mkdir()
    layout.make_folders()
    return layout


def positions(layout: Layout, disk: Disk | None = None) -> FollowerPositions:
    return FollowerPositions(layout, disk or Disk(), RetryPolicy(1))


def at(target: str, sequence: int = 7) -> FollowerPosition:
    return FollowerPosition(target, "ledger", "timeline", sequence, "00ff")


def test_a_position_is_found_as_it_was_noted(layout: Layout):
    positions(layout).note(at("/mnt/one"), Instant(SECOND))
    assert positions(layout).find(Path("/mnt/one")) == at("/mnt/one")


def test_each_target_has_a_position_of_its_own(layout: Layout):
    for target, sequence in (("/mnt/two", 2), ("/mnt/one", 1)):
        positions(layout).note(at(target, sequence), Instant(SECOND))
    assert positions(layout).all() == [at("/mnt/one", 1), at("/mnt/two", 2)]


def test_two_spellings_of_a_path_are_one_target(layout: Layout):
    positions(layout).note(at("/mnt/one"), Instant(SECOND))
    assert positions(layout).find(Path("/mnt/other/../one/")) == at("/mnt/one")


def test_where_nothing_was_ever_copied_continuously_there_is_no_lag(layout: Layout):
    assert (lag_ms(layout, Clock()()), positions(layout).all()) == (None, [])


def test_the_lag_is_the_age_of_the_moment_that_was_noted_and_grows(layout: Layout):
    clock = Clock()
    positions(layout).note(at("/mnt/one"), clock())
    clock.advance(ms=1_250)
    first = lag_ms(layout, clock())
    clock.advance(ms=60_000)
    assert (first, lag_ms(layout, clock())) == (1_250, 61_250)


def test_the_lag_is_that_of_the_copy_that_is_furthest_behind(layout: Layout):
    clock = Clock()
    positions(layout).note(at("/mnt/one"), clock())
    clock.advance(ms=5_000)
    positions(layout).note(at("/mnt/two"), clock())
    assert lag_ms(layout, clock()) == 5_000


def test_a_clock_that_a_reboot_has_set_back_behind_the_position_calls_no_copy_up_to_date(layout: Layout):
    clock = Clock()
    positions(layout).note(at("/mnt/one"), clock())
    clock.advance(ms=-9_000)
    assert lag_ms(layout, clock()) == 9_000


def test_to_note_the_same_position_again_writes_no_file(layout: Layout):
    class Counting(Disk):
        created = 0

        def create(self, path: Path, mode: int = 0o666):
            self.created += 1
            return super().create(path, mode)

    clock, disk = Clock(), Counting()
    follower = positions(layout, disk)
    follower.note(at("/mnt/one"), clock())
    clock.advance(ms=1_000)
    follower.note(at("/mnt/one"), clock())
    assert (disk.created, lag_ms(layout, clock())) == (1, 0)
    follower.note(at("/mnt/one", 8), clock())
    assert (disk.created, follower.find(Path("/mnt/one"))) == (2, at("/mnt/one", 8))


def test_a_position_that_was_deleted_under_its_follower_is_written_again(layout: Layout):
    follower = positions(layout)
    follower.note(at("/mnt/one"), Instant(SECOND))
    follower.path(Path("/mnt/one")).unlink()
    follower.note(at("/mnt/one"), Instant(SECOND))
    assert follower.all() == [at("/mnt/one")]


def test_a_forgotten_copy_has_neither_position_nor_lag(layout: Layout):
    positions(layout).note(at("/mnt/one"), Instant(SECOND))
    positions(layout).forget(Path("/mnt/one"))
    assert (positions(layout).all(), lag_ms(layout, Instant(2 * SECOND))) == ([], None)


def test_of_two_processes_one_has_the_right_to_copy_to_a_target(layout: Layout):
    one, two = Path("/mnt/one"), Path("/mnt/two")
    with (
        positions(layout).lock(one) as first,
        positions(layout).lock(one) as second,
        positions(layout).lock(two) as other,
    ):
        assert (first, second, other) == (True, False, True)
    with positions(layout).lock(Path("/mnt/one")) as again:
        assert again


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"null", b'{"target":1}', b"\xff"])
def test_a_damaged_position_is_named_and_does_not_disturb_the_lag(layout: Layout, content: bytes):
    clock = Clock()
    follower = positions(layout)
    follower.note(at("/mnt/one"), clock())
    path = follower.path(Path("/mnt/one"))
    path.write_bytes(content)
    with pytest.raises(PositionUnreadable, match=path.name):
        positions(layout).all()
    assert lag_ms(layout, clock()) is not None


@pytest.mark.parametrize(("field", "wrong"), [(b":7,", b':"7",'), (b":7,", b":null,"), (b'"/mnt/one"', b"5")])
def test_a_position_of_wrong_types_is_refused(layout: Layout, field: bytes, wrong: bytes):
    positions(layout).note(at("/mnt/one"), Instant(SECOND))
    path = positions(layout).path(Path("/mnt/one"))
    path.write_bytes(path.read_bytes().replace(field, wrong))
    with pytest.raises(PositionUnreadable):
        positions(layout).all()
