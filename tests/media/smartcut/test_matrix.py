"""Sources of every kind against ranges of every kind; what of them can meet, each beside each, is in test_pairs.py."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judging import ffmpeg_says
from measure import pictures
from variants import VARIANTS, make

import media.cut
from media.smartcut import NotCuttable
from media.smartcut.bits import unescape
from media.source import open_source
from media.timeline import timeline
from media.types import Range

REFUSED = {
    "interlaced.mp4": "interlaced",
    "vp9.webm": "codec_not_supported",
    "vp9.mp4": "codec_not_supported",
    "av1.mp4": "codec_not_supported",
    "av1.mkv": "codec_not_supported",
    "mpeg2.ts": "codec_not_supported",
    "clip.avi": "no_timestamps",
    "open.avi": "no_timestamps",
    "mpeg4.avi": "no_timestamps",
    "refresh.mp4": "no_entry_point",
}
# Of x264's open groups only the first begins with an IDR: nothing can be copied out of the middle.
ONLY_THE_START = {"open.mp4"}
# These are among the pairs, and here for what other tests ask of them.
PAIRED = {
    *("open.mkv", "no_b.mp4", "intra.mp4", "vfr.mp4", "clip.mov", "silent.mov", "hevc.mov"),
    *("opus.mkv", "opus.mp4", "mp3.mp4", "mp3.ts", "pcm.mov", "pcm.mkv"),
}
ONE = [("1.5", "4.2")]
# From the start, one frame, inside one group, over another, back again, to the end.
MANY = [("0", "1.1"), ("2.35", "2.39"), ("1.1", "1.9"), ("3", "4.2"), ("0.5", "2.51"), ("3.8", None)]


@pytest.fixture
def variant(clip, clips):
    return lambda name: make(clip, clips, name)


def asked(path, keep):
    """The numbers of the frames that `keep` asks for, by their times."""
    with path.open("rb") as file, open_source(file) as container:
        origin = timeline(container).origin
    frames = pictures(path)
    if path.suffix == ".avi":
        # Times of reordered pictures in AVI are guesses of FFmpeg's: they follow each other at the frame rate.
        frames = [(Fraction(number, 30), number) for _, number in frames]
    return [
        number
        for start, end in keep
        for time, number in frames
        if Fraction(start) <= time - origin and (end is None or time - origin < Fraction(end))
    ]


@pytest.mark.parametrize("name", [name for name in VARIANTS if name not in {*REFUSED, *PAIRED, "pause.mp4"}])
def test_every_range_of_every_source(variant, cut, judge, name):
    source = variant(name)
    peak = 1023 if "10" in name else 255
    for keep in (ONE, MANY):
        wanted = asked(source, keep)
        result, target = cut(source, keep)
        judge(source, result, target, wanted, peak=peak)
        # Groups last 40 frames at most: a whole one lies in the range, and in the first of many.
        assert (result.copied < 1) == (name in ONLY_THE_START and keep is ONE)
        assert abs(result.copied + result.reencoded - result.duration) < Fraction(1, 1000)


@pytest.mark.parametrize(
    "name",
    [
        *("clip.mkv", "clip.ts", "opus.mkv", "opus.mp4", "mp3.mp4", "mp3.ts", "pcm.mov", "pcm.mkv"),
        *("hevc10.mp4", "late.ts", "edit_list.mp4"),
    ],
)
def test_sound_stays_with_its_picture(variant, cut, in_step, name):
    for keep in (ONE, MANY):
        _, target = cut(variant(name), keep)
        in_step(target, within=Fraction(1024, 48_000))


def test_every_sound_track_is_kept(variant, cut, in_step):
    result, target = cut(variant("two_tracks.mp4"), [("0.5", "2.2"), ("3.53", "5.3")])
    assert result.audio_tracks == 2
    in_step(target)
    in_step(target, track=1, within=Fraction(1024, 32_000))


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_cut_says_why(variant, cut, tmp_path, name):
    with pytest.raises(NotCuttable) as caught:
        cut(variant(name), [("1.5", "4.2")])
    assert caught.value.code == REFUSED[name]
    assert caught.value.message.endswith(".")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_cut_is_encoded_to_the_frame(variant, tmp_path, name):
    source = variant(name)
    with source.open("rb") as file:
        result = media.cut.cut(file, tmp_path / "cut.mp4", [Range(*map(Fraction, ONE[0]))])
    assert (result.mode, result.fallback) == ("exact", REFUSED[name])
    assert "reencoded" in [warning.code for warning in result.warnings]
    shown = pictures(tmp_path / "cut.mp4")
    assert [number for _, number in shown] == asked(source, ONE)
    # The first at once, and each at its own distance.
    assert all(abs(time - Fraction(number - shown[0][1], 30)) < Fraction(1, 500) for time, number in shown)
    assert ffmpeg_says(tmp_path / "cut.mp4") == ""


def test_open_groups_are_entered_where_they_can_be(variant, cut, judge):
    """HEVC: at a CRA picture, renamed so that no decoder waits for its leading pictures."""
    source = variant("hevc.mp4")
    result, target = cut(source, [("0.5", "3.5")])
    judge(source, result, target, list(range(15, 105)))
    assert result.copied > result.reencoded
    kinds = set()
    with av.open(str(target)) as container:
        for packet in container.demux(container.streams.video[0]):
            data = bytes(packet)
            while data:
                size = int.from_bytes(data[:4], "big")
                kinds.add(unescape(data[4:6])[0] >> 1 & 63)
                data = data[4 + size :]
    assert 18 in kinds
    assert not {32, 33, 34} & kinds


def test_open_groups_of_h264_are_encoded_on_to_the_next_idr(variant, cut, judge):
    """Keyframes each second, at which decoding recovers; only the one at 3 s is an IDR. For those where none comes
    soon enough see test_little_to_copy.py."""
    source = variant("open_idr.mp4")
    with av.open(str(source)) as container:
        keys = [packet.pts * packet.time_base for packet in container.demux(video=0) if packet.is_keyframe]
    assert len([time for time in keys if 1 < time < 3]) >= 1
    result, target = cut(source, [("1.5", "5")])
    judge(source, result, target, list(range(45, 150)))
    assert (result.seams[0].at, result.seams[0].frames) == (0, 45)
    assert abs(result.copied - 2) < Fraction(1, 5)


def test_a_pause_begins_with_the_picture_on_show(variant, cut):
    """Frames 0 to 9, then nothing until frame 101 at 3.37 s: a range from 1.5 s on shows frame 9 first."""
    result, target = cut(variant("pause.mp4"), [("1.5", "4.2")])
    shown = pictures(target)
    assert [number for _, number in shown] == [9, *range(101, 126)]
    assert shown[0][0] == 0
    assert abs(shown[1][0] - (Fraction(101, 30) - Fraction(3, 2))) < Fraction(1, 1000)
    assert result.duration == Fraction(27, 10)


def test_a_picture_that_stays_is_part_of_the_track(variant, cut):
    """Readers take a track's length from its decoding times, which lie as far ahead of the pause as B-frames reach."""
    result, target = cut(variant("pause.mp4"), [("0", "3"), ("4", "4.5")])
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base == result.duration == Fraction(7, 2)
    _, target = cut(variant("pause.mp4"), [("0.1", "3")])
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base == Fraction(29, 10)
        assert [frame.pts * stream.time_base for frame in container.decode(stream)][-1] == Fraction(6, 30)


def test_rotation_aspect_and_colours_are_kept(variant, cut):
    with av.open(str(cut(variant("rotated.mp4"), [("1.5", "4.2")])[1])) as container:
        assert {frame.rotation for frame in container.decode(video=0)} == {90}
    with av.open(str(cut(variant("colours.mkv"), [("1.5", "4.2")])[1])) as container:
        stream = container.streams.video[0]
        assert stream.sample_aspect_ratio == Fraction(4, 3)
        for frame in container.decode(stream):
            assert (frame.color_primaries, frame.color_trc, frame.colorspace) == (1, 1, 1)


def test_variable_distances_are_kept(variant, cut):
    source = variant("vfr.mp4")
    original = {number: time for time, number in pictures(source)}
    _, target = cut(source, [("1.5", "4.2")])
    shown = pictures(target)
    # The first frame of a range is shown from the cut on, the others as long after the range's start as they were.
    assert shown[0][0] == 0
    assert all(abs(time - (original[number] - Fraction(3, 2))) < Fraction(1, 1000) for time, number in shown[1:])


@settings(max_examples=12, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["pyramid.mp4", "hevc.mp4", "hevc.ts", "clip.ts", "edit_list.mp4"]),
    cuts=st.lists(st.tuples(st.integers(0, 4_300), st.integers(40, 3_000)), min_size=1, max_size=3),
)
def test_any_ranges(variant, cut, judge, name, cuts):
    source = variant(name)
    keep = [(Fraction(start, 1000), min(Fraction(start + length, 1000), Fraction(9, 2))) for start, length in cuts]
    result, target = cut(source, keep)
    judge(source, result, target, asked(source, keep))
