"""Sources whose clock jumps or wraps; see "Clocks that jump" in docs/engine.md."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from fractions import Fraction

import imageio_ffmpeg
import pytest
from measure import numbers, pictures, remux
from test_segments import encode, joined, whole

from media.cut import MODES, cut
from media.errors import InputError
from media.keyframes import keyframe_map
from media.types import Notice, Range
from media.watchdog import TIMES_LEAP


@pytest.fixture(scope="module")
def stream(clip, tmp_path_factory):
    """The six seconds of the clip as MPEG-TS, its clock at so many seconds, behind other streams."""
    folder = tmp_path_factory.mktemp("jumps")

    def run(*offsets):
        path = folder / ("_".join(offsets) + ".ts")
        for offset in [] if path.exists() else offsets:
            part = folder / "part.ts"
            options = ["-c", "copy", "-output_ts_offset", offset]
            command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(clip), *options, str(part)]
            subprocess.run(command, check=True, timeout=60)
            with path.open("ab") as whole:
                whole.write(part.read_bytes())
        return path

    return run


@pytest.mark.parametrize("mode", MODES)
def test_a_wrap_costs_nothing(stream, tmp_path, mode):
    target = tmp_path / "cut.mp4"
    # Of the clock's 33 bits, at 90 kHz; it begins 1.4 s after its offset.
    with stream("95440.7").open("rb") as file:
        result = cut(file, target, [Range(Fraction(1), Fraction(4))], mode=mode)
    assert (result.mode, result.fallback) == (mode, None)
    assert {warning.code for warning in result.warnings} <= {"snapped_to_keyframes"}
    assert numbers(target) == list(range(30, 120))


@pytest.mark.parametrize("mode", MODES)
def test_a_clock_that_goes_back_is_refused(stream, tmp_path, mode):
    target = tmp_path / "cut.mp4"
    with stream("0", "0").open("rb") as file, pytest.raises(InputError) as caught:
        cut(file, target, [Range(Fraction(1))], mode=mode)
    assert caught.value.code == "times_jump_back"
    assert not target.exists()


def test_the_keyframe_map_sees_all_of_it(stream):
    with stream("0", "0").open("rb") as file, pytest.raises(InputError) as caught:
        keyframe_map(file)
    assert caught.value.code == "times_jump_back"
    with stream("95440.7").open("rb") as file:
        assert [round(keyframe.time, 1) for keyframe in keyframe_map(file).keyframes] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("mode", MODES)
def test_a_clock_that_leaps_is_told(stream, tmp_path, mode):
    target = tmp_path / "cut.mp4"
    with stream("0", "500").open("rb") as file:
        result = cut(file, target, [Range(Fraction(5), Fraction(8))], mode=mode)
    assert "times_leap" in [warning.code for warning in result.warnings]
    assert numbers(target)[-30:] == list(range(150, 180))
    assert pictures(target)[-1][0] < 1 + result.made.duration - 2
    # To the frame: where the sound lies beside the grid of the pictures, less by a part of one.
    assert abs(result.made.duration - 3) < Fraction(1, 30)


@pytest.mark.parametrize(
    ("offsets", "kinds", "told"),
    [(("0", "30"), ("video", "audio"), True), (("0", "30"), ("video",), True), (("0",), ("video", "audio"), False)],
)
def test_segments_tell_of_a_leap_as_one_piece_does(stream, tmp_path, offsets, kinds, told):
    source = remux(stream(*offsets), tmp_path / "source.ts", kinds=kinds, format="mpegts")
    keep = (Fraction(2), Fraction(8) if told else Fraction(5))
    encoded = encode(source, tmp_path, keep)
    assert len(encoded.plan) > 1
    made = joined(encoded, tmp_path / "joined.mp4").warnings
    assert made == whole(source, tmp_path / "whole.mp4", keep).warnings
    assert ("times_leap" in {warning.code for warning in made}) == told


def test_segments_tell_of_no_leap_where_pictures_alone_pause(stream, tmp_path):
    encoded = encode(stream("0"), tmp_path, (Fraction(2), Fraction(5)))
    [first, *rest] = encoded.made
    paused = replace(first, warnings=(*first.warnings, Notice(*TIMES_LEAP)))
    result = joined(encoded._replace(made=[paused, *rest]), tmp_path / "joined.mp4")
    assert "times_leap" not in {warning.code for warning in result.warnings}


@pytest.mark.parametrize("mode", MODES)
def test_a_clock_that_falls_by_less_than_a_second_is_told(stream, tmp_path, mode):
    """The second stream begins before the first one ends."""
    target = tmp_path / "cut.mp4"
    with stream("0", "5.6").open("rb") as file:
        result = cut(file, target, [Range(Fraction(4), Fraction(8))], mode=mode)
    assert result.mode == "exact"
    assert "times_fall" in [warning.code for warning in result.warnings]
    shown = pictures(target)
    assert [number for _, number in shown] == [*range(120, 180), *range(74)]
    # Those whose time has passed are squeezed in behind the last one, then all is in step again.
    times = [time for time, _ in shown]
    assert times == sorted(set(times))
    assert times[60 + 14] - times[59] < Fraction(2, 30)
    assert abs(times[-1] - times[60 + 14] - Fraction(73 - 14, 30)) < Fraction(1, 500)
    assert result.made.duration == 4


def test_a_time_that_stands_for_two_places_is_no_entry(stream):
    with stream("0", "5.6").open("rb") as file:
        found = keyframe_map(file).keyframes
    # The second stream's first keyframe, at 5.6 s, is shown before what the first one ends with.
    assert [round(keyframe.time, 1) for keyframe in found] == [
        0,
        1,
        2,
        3,
        4,
        5,
        *(n + Fraction(3, 5) for n in range(6, 11)),
    ]
    assert sum(keyframe.frames for keyframe in found) == 360
    with stream("0", "4.8").open("rb") as file, pytest.raises(InputError):
        keyframe_map(file)


def test_segments_tell_of_times_that_fall_as_one_piece_does(stream, tmp_path):
    source, keep = stream("0", "5.6"), (Fraction(2), Fraction(8))
    encoded = encode(source, tmp_path, keep)
    assert len(encoded.plan) > 1
    made, one = joined(encoded, tmp_path / "joined.mp4"), whole(source, tmp_path / "whole.mp4", keep)
    assert "times_fall" in {warning.code for warning in made.warnings}
    assert (made.warnings, made.frames, made.duration) == (one.warnings, one.frames, one.duration)
    assert pictures(tmp_path / "joined.mp4") == pictures(tmp_path / "whole.mp4")
