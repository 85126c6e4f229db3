"""A few pictures of a file: the right ones, upright."""

import io
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from media import barcode
from media.stills import LONG_SIDE, SHORT_SIDE, stills


def opened(data):
    return Image.open(io.BytesIO(data))


def test_they_are_spread_over_the_recording(clip):
    told = []
    with clip.open("rb") as source:
        made = stills(source, 3, on_progress=told.append)
    # Six seconds at 30 frames a second: the middles of three shares.
    numbers = [barcode.read(np.asarray(opened(still).convert("L"))) for still in made]
    assert numbers == [30, 90, 150]
    assert told == [Fraction(1, 3), Fraction(2, 3), 1]


@pytest.mark.parametrize("name", ["rot90_portrait_h264_aac.mp4", "iphone_rot90_hevc10_hlg_editlist.mp4"])
def test_they_are_upright_and_small(shared_media, name):
    with (shared_media / name).open("rb") as source:
        [still] = stills(source, 1)
    width, height = opened(still).size
    assert width < height <= LONG_SIDE


def test_an_image_is_one_picture(shared_media):
    with (shared_media / "photo_exif_orientation6.jpg").open("rb") as source:
        made = stills(source, 5)
    assert len(made) == 1
    assert max(opened(made[0]).size) <= LONG_SIDE


@pytest.mark.parametrize("size", [(20, 10), (900, 12), (2048, 20)])
def test_one_that_is_too_small_to_be_judged_stands_on_black(size):
    file = io.BytesIO()
    Image.new("RGB", size, "white").save(file, "PNG")
    [still] = stills(file, 1)
    made = opened(still)
    assert made.size == (max(min(size[0], LONG_SIDE), SHORT_SIDE), SHORT_SIDE)
    light = np.asarray(made.convert("L"))
    assert (light[32, made.width // 2] > 200, light[0, 0] < 50) == (True, True)


def test_sound_has_none(shared_media):
    with (shared_media / "jfk_speech_11s.flac").open("rb") as source:
        assert stills(source, 3) == []
