"""What every worker derives alike from its settings."""

import os

import pytest

from core.settings import Settings
from media.segments.plan import Part, Segment
from tasks.limits import threads
from tasks.trim import _parts


@pytest.mark.parametrize(("asked", "processes", "given"), [(3, 1, 3), (3, 8, 3), (0, 1, 8), (0, 3, 2), (0, 20, 1)])
def test_a_segment_has_a_number_of_threads_that_is_told(asked, processes, given, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert threads(Settings(encode_threads=asked, worker_processes=processes)) == given


def test_all_segments_of_a_cut_have_the_same():
    plan = [Segment(number, (Part(0, 15 * number, 15 * number + 15, 0),)) for number in range(3)]
    parts = list(_parts(plan, threads=2, has_sound=True))
    assert [part.params.get("threads") for part in parts] == [2, 2, 2, None]
    assert [Segment.from_dict(part.params) for part in parts[:3]] == plan
