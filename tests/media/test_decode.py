from __future__ import annotations

import subprocess
from fractions import Fraction

import imageio_ffmpeg
import pytest

from media.decode import Picture, Reader, Sound


@pytest.fixture(scope="session")
def refreshed(clips, clip):
    """A clip whose picture is renewed a column at a time: its keyframes show nothing for a second."""
    target = clips / "gradual.mp4"
    options = ["-c:a", "copy", "-c:v", "libx264", "-x264-params", "intra-refresh=1:keyint=30"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(clip), *options, str(target)]
    subprocess.run(command, check=True, timeout=60)
    return target


@pytest.mark.parametrize("start", [Fraction(2), Fraction(5), Fraction("5.5")])
def test_a_stretch_after_a_keyframe_that_shows_nothing(refreshed, start):
    with refreshed.open("rb") as file, Reader(file, sound="none") as reader:
        times = [item.time for item in reader.read(start, start + Fraction(2, 5)) if isinstance(item, Picture)]
    assert times == [start + Fraction(number, 30) for number in range(12)]


def test_sound_without_pictures_is_the_same_sound(clip):
    taken = []
    for pictures in ("all", "none"):
        with clip.open("rb") as file, Reader(file, pictures=pictures) as reader:
            items = list(reader.read(Fraction("1.3"), Fraction("4.1")))
        assert any(isinstance(item, Picture) for item in items) == (pictures == "all")
        taken.append(b"".join(item.samples.tobytes() for item in items if isinstance(item, Sound)))
    assert taken[0] == taken[1]
    assert len(taken[0]) == 48_000 * 28 // 10 * 4
