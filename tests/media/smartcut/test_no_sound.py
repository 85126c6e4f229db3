"""Ranges in which sound tracks have no sound."""

from __future__ import annotations

import subprocess
from fractions import Fraction

import av
import imageio_ffmpeg
import pytest

from media.smartcut import keyframe_cut
from media.types import Range

LATE, EARLY, WHOLE = "-itsoffset 3.5 -i {clip}", "-t 2.2 -i {clip}", "-i {clip}"
BEFORE, AFTER = (Fraction("0.5"), Fraction("2.7")), (Fraction("3.5"), Fraction("5.5"))


def with_sound(clip, target, tracks):
    """The clip's picture with sound that was moved or shortened, each track named by its place."""
    inputs = " ".join(["-i {clip}", *tracks]).format(clip=clip).split()
    maps = ["-map", "0:v", *(word for number in range(1, len(tracks) + 1) for word in ("-map", f"{number}:a"))]
    titles = [w for n in range(len(tracks)) for w in (f"-metadata:s:a:{n}", f"handler_name=track {n + 1}")]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *inputs, *maps, "-c", "copy", *titles]
    subprocess.run([*command, str(target)], check=True, timeout=60)
    return target


@pytest.mark.parametrize(
    ("tracks", "keep", "heard"),
    [
        ([LATE], BEFORE, []),
        ([EARLY], AFTER, []),
        ([LATE, WHOLE], BEFORE, [2]),
        ([WHOLE, LATE], BEFORE, [1]),
        ([EARLY, WHOLE], AFTER, [2]),
        ([LATE, LATE], BEFORE, []),
    ],
)
@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_a_track_without_sound_is_left_out(clip, cut, in_step, tmp_path, tracks, keep, heard, container):
    source = with_sound(clip, tmp_path / f"source.{container}", tracks)
    result, target = cut(source, [keep])
    assert result.audio_tracks == len(heard)
    missing = ", ".join(str(number) for number in range(1, len(tracks) + 1) if number not in heard)
    said = [warning.message for warning in result.warnings if warning.code == "audio_track_empty"]
    assert [message.rsplit(": ")[1] for message in said] == [f"{missing}."]
    with av.open(str(target)) as made:
        assert len(made.streams.audio) == len(heard)
        if container == "mp4":
            assert [stream.metadata["handler_name"] for stream in made.streams.audio] == [f"track {n}" for n in heard]
    if heard:
        in_step(target)


def test_of_two_ranges_one_has_sound(clip, cut, in_step, tmp_path):
    """The sound is where it should be, though the track begins late."""
    source = with_sound(clip, tmp_path / "source.mp4", [LATE, WHOLE])
    result, target = cut(source, [(Fraction("0.5"), Fraction("2.7")), (Fraction("3.9"), Fraction("5.5"))])
    assert (result.audio_tracks, [w.code for w in result.warnings]) == (2, [])
    in_step(target, track=1)
    with av.open(str(target)) as made:
        packet = next(packet for packet in made.demux(audio=0) if packet.size and not packet.is_discard)
        assert abs(packet.pts * packet.time_base - Fraction("2.2")) < Fraction(1, 20)


def test_copying_snaps_to_where_no_sound_is(clip, tmp_path):
    source = with_sound(clip, tmp_path / "source.mp4", [LATE])
    with source.open("rb") as file:
        result = keyframe_cut(file, tmp_path / "cut.mp4", [Range(Fraction("0.5"), Fraction("1.5"))])
    assert result.audio_tracks == 0
    assert {warning.code for warning in result.warnings} == {"audio_track_empty", "snapped_to_keyframes"}
