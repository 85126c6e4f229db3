from __future__ import annotations

from fractions import Fraction

import pytest
from chromium import CHROMIUM, play
from variants import make

from media import barcode

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

KEEP = [("1.5", "4.2"), ("0.5", "2.51"), ("4.6", None)]
WANTED = [*range(45, 126), *range(15, 76), *range(138, 180)]


@pytest.mark.parametrize("name", ["clip.mov", "pyramid.mp4", "baseline.mp4", "clip.mkv"])
def test_chromium_finds_every_seam(clip, clips, cut, tmp_path, name):
    result, target = cut(make(clip, clips, name), KEEP)
    frames = {round(seam.at * 30) + step for seam in result.seams for step in (-1, 0, seam.frames - 1, seam.frames)}
    frames = sorted(frames & set(range(len(WANTED))) | {0, len(WANTED) - 1}, key=lambda number: number * 7 % 31)
    duration, pictures = play(target, [Fraction(2 * number + 1, 60) for number in frames], tmp_path / "profile")
    assert abs(duration - result.duration) < 0.03
    assert [barcode.read(picture) for picture in pictures] == [WANTED[number] for number in frames]
