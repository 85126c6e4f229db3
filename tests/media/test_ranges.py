from __future__ import annotations

from fractions import Fraction

import pytest

from media.errors import InputError
from media.ranges import resolve
from media.types import Range

FRAME = Fraction(1, 25)


def resolved(*keep, duration=10, frame=FRAME):
    pairs = [Range(Fraction(start), None if end is None else Fraction(end)) for start, end in keep]
    return resolve(pairs, Fraction(duration), frame)


def test_ranges_keep_the_order_given():
    assert resolved((7, 8), (1, 2), (7, 8)) == [(7, 8), (1, 2), (7, 8)]


def test_an_open_end_is_the_end():
    assert resolved((4, None)) == [(4, 10)]


@pytest.mark.parametrize(("end", "frame"), [("10.1", FRAME), ("10.5", Fraction(1, 2))])
def test_an_end_a_little_past_is_drawn_back(end, frame):
    assert resolved((4, end), frame=frame) == [(4, 10)]


@pytest.mark.parametrize(
    ("keep", "code"),
    [
        ([], "invalid_range"),
        ([("-0.1", 1)], "invalid_range"),
        ([(2, 2)], "invalid_range"),
        ([(1, 2), (3, 2)], "invalid_range"),
        ([(10, None)], "range_past_end"),
        ([(10, 11)], "range_past_end"),
        ([(9, "10.11")], "range_past_end"),
    ],
)
def test_what_cannot_be_cut_is_refused(keep, code):
    with pytest.raises(InputError) as caught:
        resolved(*keep)
    assert caught.value.code == code
