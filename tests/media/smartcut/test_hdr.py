"""What HDR10 tells beside its pictures."""

from __future__ import annotations

import av
import pytest
from variants import make


@pytest.mark.parametrize(("keep", "edges"), [(("1.5", "4"), 15), (("1", "4"), 0)])
def test_edges_without_mastering_data_are_told_of(clip, clips, cut, keep, edges):
    result, target = cut(make(clip, clips, "hdr10.mp4"), [keep])
    assert sum(seam.frames for seam in result.seams) == edges
    assert [warning.code for warning in result.warnings] == ["hdr_metadata_dropped_at_cuts"] * (edges > 0)
    with av.open(str(target)) as made:
        told = ["MASTERING_DISPLAY_METADATA" in frame.side_data for frame in made.decode(video=0)]
    assert told == [False] * edges + [True] * (len(told) - edges)
