from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from judging import decoded, ffmpeg_says
from variants import make

from media.smartcut import NotCuttable, keyframe_cut
from media.types import Range


@pytest.fixture
def snap(tmp_path):
    def run(source, *keep):
        target = tmp_path / "copy.mp4"
        ranges = [Range(Fraction(start), None if end is None else Fraction(end)) for start, end in keep]
        with source.open("rb") as file:
            return keyframe_cut(file, target, ranges), target

    return run


def test_a_range_begins_at_a_keyframe_and_says_so(clip, snap):
    result, target = snap(clip, ("1.5", "4.2"))
    begin, end = result.ranges[0].start, result.ranges[0].end
    assert begin == 1
    assert Fraction("4.2") <= end <= Fraction("4.5")
    shown = decoded(target)
    assert sorted(shown) == list(range(30, round(end * 30)))
    assert result.reencoded == 0
    warning = next(iter(result.warnings))
    assert warning.code == "snapped_to_keyframes"
    assert "from 1 s to 4." in warning.message
    originals = decoded(clip)
    assert all(np.array_equal(shown[number][0][1], originals[number][0][1]) for number in shown)
    assert ffmpeg_says(target) == ""


def test_several_ranges_keep_sound_and_picture_together(clip, snap, in_step):
    result, target = snap(clip, ("1.5", "2.9"), ("4.5", None), ("0", "1"))
    assert [item.start for item in result.ranges] == [1, 4, 0]
    assert [(seam.frames, seam.psnr_db) for seam in result.seams] == [(0, None)] * 2
    assert ffmpeg_says(target) == ""
    in_step(target)


@pytest.mark.parametrize("name", ["hevc.mp4", "open.mp4", "clip.ts", "opus.mkv", "vfr.mp4"])
def test_any_source_that_can_be_entered(clip, clips, snap, name):
    source = make(clip, clips, name)
    result, target = snap(source, ("1.5", "4.2"))
    shown, originals = decoded(target), decoded(source)
    assert list(shown) == [number for number in originals if min(shown) <= number <= max(shown)]
    assert all(np.array_equal(shown[number][0][1], originals[number][0][1]) for number in shown)
    assert result.ranges[0].start <= Fraction("1.5")
    assert ffmpeg_says(target) == ""


def test_other_codecs_are_refused(clip, clips, snap, tmp_path):
    with pytest.raises(NotCuttable) as caught:
        snap(make(clip, clips, "vp9.webm"), ("0", "1"))
    assert caught.value.code == "codec_not_supported"
    assert list(tmp_path.iterdir()) == []
