"""Ranges that end in or beside short groups, of which several come while the last pictures are waited for."""

from __future__ import annotations

import subprocess
from fractions import Fraction

import av
import imageio_ffmpeg
import pytest
from av.packet import Packet

from media.sample import make_sample
from media.smartcut import NotCuttable, smart_cut
from media.smartcut.runup import RunUp
from media.types import Range

FRAMES = 72
FIRST = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("short")


@pytest.mark.parametrize("reordered", [1, 2, 3])
@pytest.mark.parametrize("length", range(4, 19))
def test_every_end_of_a_group(folder, tmp_path, length, reordered):
    source = grouped(folder, length, reordered)
    target = tmp_path / "cut.mp4"
    for end in range(FIRST + 10, FIRST + 10 + length):
        with source.open("rb") as file:
            result = smart_cut(file, target, [Range(Fraction(1), Fraction(end, 30))], threads=1)
        assert result.frames == end - FIRST
        # What is encoded belongs to the two groups in which the range begins and ends.
        assert sum(seam.frames for seam in result.seams) < 2 * length
        with av.open(str(target)) as made:
            assert sum(1 for _ in made.decode(video=0)) == end - FIRST


def test_what_was_let_go_is_missed():
    run_up = RunUp(2)
    for pts in (0, 10):
        run_up.add(keyframe(pts), entry=True)
    assert [packet.pts for packet in run_up.to(3)] == [0, 10]
    assert [packet.pts for packet in run_up.to(-5)] == [0, 10]
    run_up.add(keyframe(20), entry=True)
    assert [packet.pts for packet in run_up.to(15)] == [10, 20]
    with pytest.raises(NotCuttable) as caught:
        run_up.to(3)
    assert caught.value.code == "reorder_changes"


def keyframe(pts):
    packet = Packet(b"picture")
    packet.pts = pts
    return packet


def grouped(folder, length, reordered):
    """A clip with a keyframe every `length` pictures and so many B-frames in a row."""
    clip, target = folder / "clip.mp4", folder / f"{length}_{reordered}.mp4"
    if not clip.exists():
        make_sample(clip, seconds=Fraction(FRAMES, 30), size=(64, 48))
    given = f"keyint={length}:min-keyint={length}:scenecut=0:bframes={reordered}:b-adapt=0:threads=1"
    encode = ["-an", "-c:v", "libx264", "-preset", "ultrafast", "-x264-params", given]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(clip), *encode, str(target)]
    subprocess.run(command, check=True, timeout=60)
    return target
