"""SegmentIndex: the segment of an event; the folder is listed only for events that are not known yet."""

from pathlib import Path

import pytest

from inventory.eventlog.history import SegmentIndex
from inventory.eventlog.layout import Layout
from inventory.service.ports.event_history import EventsGone

NEWEST = 41


class CountedLayout(Layout):
    """Counts how often the folders are listed."""

    listed = 0

    def segments(self) -> list[int]:
        type(self).listed += 1
        return super().segments()


@pytest.fixture
def layout(tmp_path: Path) -> CountedLayout:
    layout = CountedLayout(tmp_path)
    layout.make_folders()
    for first in (1, 11, 21, 31, NEWEST):
        layout.segment(first).touch()
    CountedLayout.listed = 0
    return layout


def test_an_event_is_in_the_segment_that_begins_last_before_it(layout: CountedLayout):
    index = SegmentIndex(layout)
    found = [index.segment_of(sequence, NEWEST, archived=False) for sequence in (1, 10, 11, 40, 41, 1000)]
    assert found == [1, 1, 11, 31, 41, 41]


def test_a_folder_is_listed_once_for_all_that_is_there_and_never_for_the_newest(layout: CountedLayout):
    index = SegmentIndex(layout)
    for sequence in range(NEWEST, 60):
        index.segment_of(sequence, NEWEST, archived=False)
    assert layout.listed == 0
    for sequence in range(1, NEWEST):
        index.segment_of(sequence, NEWEST, archived=False)
    assert layout.listed == 1


def test_what_has_come_since_is_listed_once(layout: CountedLayout):
    index = SegmentIndex(layout)
    index.segment_of(1, NEWEST, archived=False)
    for first in (51, 61):
        layout.segment(first).touch()
    assert [index.segment_of(sequence, 61, archived=False) for sequence in (45, 51, 55, 60)] == [41, 51, 51, 51]
    assert layout.listed == 2


def test_a_segment_that_was_moved_to_the_archive_is_gone_from_the_log_alone(layout: CountedLayout):
    index = SegmentIndex(layout)
    for archived in (False, True):
        index.segment_of(1, NEWEST, archived=archived)
    layout.segment(1).rename(layout.archived(1))
    with pytest.raises(EventsGone) as refused:
        index.segment_of(5, NEWEST, archived=False)
    assert refused.value.earliest == 11
    assert index.segment_of(5, NEWEST, archived=True) == 1


def test_to_be_asked_again_for_what_is_gone_lists_nothing(layout: CountedLayout):
    layout.segment(1).unlink()
    index = SegmentIndex(layout)
    for _ in range(5):
        with pytest.raises(EventsGone):
            index.segment_of(5, NEWEST, archived=False)
    assert layout.listed == 1
    layout.segment(11).unlink()
    with pytest.raises(EventsGone) as refused:
        index.segment_of(5, NEWEST, archived=False)
    assert refused.value.earliest == 21
