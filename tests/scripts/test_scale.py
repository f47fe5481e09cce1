"""scripts/scale.py: how sizes are given, and how figures are printed."""

import argparse

import pytest
import scale
from bench.scale import Found, Size


@pytest.mark.parametrize(
    ("text", "size"), [("5000", Size(5000, 5000)), ("1000:20000", Size(1000, 20000)), ("1000:1000", Size(1000, 1000))]
)
def test_a_size_is_records_and_events(text, size):
    assert scale._size(text) == size


@pytest.mark.parametrize("text", ["", "many", "999", "2000:1999", "1000:", ":1000", "1000:99999999", "-1000"])
def test_a_size_that_cannot_be_made_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError):
        scale._size(text)


def test_ratios_are_medians_of_rounds_and_the_start_of_python_is_no_part_of_reading_the_log():
    found = Found(Size(100_000, 200_000), boot_seconds=6.0, empty_boot_seconds=1.0, bytes_per_record=344.4)
    found.rates = [(90.0, 100.0), (80.0, 100.0), (300.0, 200.0)]
    found.p99s = [(10.0, 10.0), (20.0, 10.0), (40.0, 10.0)]
    line = scale._table([found]).splitlines()[-1]
    assert line.split() == ["100,000", "200,000", "90", "0.90", "(0.80–1.50)", "2.00", "344", "6.0", "40,000", "0.0"]


def test_what_was_wrong_stands_below_its_line():
    found = Found(Size(1000, 1000), rates=[(1.0, 1.0)], p99s=[(1.0, 1.0)], problems=["sku-1: lost"])
    assert scale._table([found]).splitlines()[-1] == "  WRONG: sku-1: lost"
