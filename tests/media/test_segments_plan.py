from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.errors import InputError
from media.keymap import Keyframe, KeyframeMap
from media.segments.plan import MIN_SEGMENT, Segment, plan_segments, ranges
from media.types import Range


def keyframes(*times):
    return KeyframeMap(tuple(Keyframe(Fraction(time), 1, None) for time in times), "index")


def every(step, until):
    return keyframes(*(Fraction(step) * number for number in range(int(Fraction(until) / Fraction(step)) + 1)))


def plan(found, *keep, duration=100, **options):
    asked = [Range(Fraction(start), None if end is None else Fraction(end)) for start, end in keep]
    return plan_segments(found, asked, duration=Fraction(duration), **options)


times = st.integers(0, 3000).map(lambda frame: Fraction(frame, 30))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(times, min_size=1, max_size=60),
    st.lists(st.tuples(times, times).map(sorted).filter(lambda span: span[0] < span[1]), min_size=1, max_size=6),
    st.integers(1, 40).map(Fraction),
)
def test_parts_tile_the_request_and_meet_at_keyframes(at, keep, length):
    made = plan(keyframes(*at), *keep, segment_s=length)
    assert [segment.number for segment in made] == list(range(len(made)))
    assert ranges(made) == tuple(Range(*span) for span in keep)
    parts = [part for segment in made for part in segment.parts]
    for index, (start, end) in enumerate(keep):
        mine = [part for part in parts if part.index == index]
        assert (mine[0].start, mine[-1].end) == (start, end)
        assert [part.opens for part in mine] == [True] + [False] * (len(mine) - 1)
        assert [part.closes for part in mine] == [False] * (len(mine) - 1) + [True]
        assert all(one.end == other.start and one.end in at for one, other in pairwise(mine))
        assert len({part.shift for part in mine}) == 1
    assert parts[0].start + parts[0].shift == 0
    assert all(one.end + one.shift == other.start + other.shift for one, other in pairwise(parts))
    assert all(one.end == other.start for one, other in pairwise(made))
    if len(made) > 1:
        assert min(segment.end - segment.start for segment in made) >= length / 2


def test_segments_come_out_even_for_a_few_workers():
    lengths = {width: len(plan(every(1, 100), (0, 100), width=width)) for width in (1, 2, 3, 4, 8)}
    assert lengths == {1: 1, 2: 6, 3: 6, 4: 5, 8: 5}
    # What is too short to be split is split for nobody.
    assert len(plan(every(1, 100), (0, 25), width=8)) == 1


def test_a_plan_reads_back_as_it_was():
    made = plan(every(Fraction(1001, 500), 100), (1, 30), (40, 99), segment_s=Fraction(20))
    assert len(made) > 1
    assert tuple(Segment.from_dict(json.loads(json.dumps(segment.to_dict()))) for segment in made) == made


def test_even_segments_where_keyframes_allow():
    made = plan(every(2, 100), (1, 99), segment_s=Fraction(20))
    assert [segment.start for segment in made] == [0, 25, 49, 73]
    assert [segment.parts[0].start for segment in made] == [1, 26, 50, 74]


@pytest.mark.parametrize(
    ("seconds", "count"), [(5, 1), (29, 1), (31, 2), (60, 3), (600, 12), (1800, 21), (3 * 3600, 51)]
)
def test_segments_grow_with_the_result(seconds, count):
    made = plan(every(2, seconds), (0, None), duration=seconds)
    assert len(made) == count
    assert count == 1 or min(segment.end - segment.start for segment in made) > MIN_SEGMENT / 2


def test_a_segment_may_hold_many_ranges_and_begin_with_one():
    made = plan(keyframes(0), *((start, start + 4) for start in range(80, 0, -10)), segment_s=Fraction(8))
    assert [len(segment.parts) for segment in made] == [2, 2, 2, 2]
    assert all(part.opens and part.closes for segment in made for part in segment.parts)


@pytest.mark.parametrize(
    "found", [None, keyframes(0), keyframes(50), keyframes(0, 99), keyframes()], ids=lambda found: str(found)[:40]
)
def test_one_piece_where_nothing_can_be_entered(found):
    (only,) = plan(found, (0, 100), segment_s=Fraction(10))
    assert (only.start, only.end, len(only.parts)) == (0, 100, 1)


def test_a_plan_from_a_stored_map_is_the_same_to_the_microsecond():
    found = every(Fraction(1001, 500), 100)
    exact = plan(found, (3, 97), segment_s=Fraction(10))
    stored = plan(KeyframeMap.from_dict(found.to_dict()), (3, 97), segment_s=Fraction(10))
    assert len(exact) == len(stored) > 5
    assert all(abs(one.start - other.start) < Fraction(1, 10**6) for one, other in zip(exact, stored, strict=True))


@pytest.mark.parametrize(("keep", "code"), [([], "invalid_range"), ([(0, 101)], "range_past_end")])
def test_bad_ranges_are_refused(keep, code):
    with pytest.raises(InputError) as caught:
        plan(every(2, 100), *keep)
    assert caught.value.code == code


def test_a_plan_is_made_without_the_engine():
    check = "import sys, media.segments.plan; sys.exit(bool({'av', 'numpy', 'PIL'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
