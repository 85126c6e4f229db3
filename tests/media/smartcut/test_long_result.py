"""A result may be longer than any source may be."""

from __future__ import annotations

import subprocess
from fractions import Fraction

import imageio_ffmpeg
import pytest

from media.cut import cut
from media.types import DEFAULT_LIMITS, Range


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """Three hours of a picture every ten seconds, each of them a keyframe."""
    path = tmp_path_factory.mktemp("slow") / "slow.mp4"
    source = "testsrc=s=64x64:r=1/10:d=10800"
    options = "-c:v libx264 -g 1 -preset ultrafast -pix_fmt yuv420p"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source]
    subprocess.run([*command, *options.split(), str(path)], check=True, timeout=60)
    return path


@pytest.mark.parametrize("mode", ["smart", "copy"])
def test_a_range_kept_five_times(slow, mode, tmp_path):
    with slow.open("rb") as file:
        result = cut(file, tmp_path / "cut.mp4", [Range(Fraction(0))] * 5, mode=mode)
    assert (result.mode, result.made.frames) == (mode, 5 * 1080)
    assert result.made.duration == 5 * 10_800 > DEFAULT_LIMITS.max_duration
