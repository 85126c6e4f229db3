from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from media import barcode


def noise(height=180, width=320):
    return np.random.default_rng(1).integers(0, 255, (height, width), np.uint8)


@pytest.mark.parametrize("number", [0, 1, 255, 123_456, (1 << 24) - 1])
def test_a_drawn_number_is_read_back(number):
    luma = noise()
    barcode.draw(luma, number)
    assert barcode.read(luma) == number


@pytest.mark.parametrize("size", [(320, 180), (426, 240), (1920, 1080), (853, 481)])
def test_scaling_does_not_hurt(size):
    luma = noise(720, 1280)
    barcode.draw(luma, 98_765)
    scaled = np.asarray(Image.fromarray(luma).resize(size))
    assert barcode.read(scaled) == 98_765


def test_ten_bits_read_the_same():
    luma = noise()
    barcode.draw(luma, 4_321)
    assert barcode.read(luma.astype(np.uint16) * 4) == 4_321


def test_a_frame_without_barcode_is_refused():
    with pytest.raises(barcode.BarcodeError):
        barcode.read(noise())


def test_a_flipped_bit_is_noticed():
    luma = noise()
    barcode.draw(luma, 5)
    strip = luma[45:56]
    strip[:, 10 * 320 // 36 + 1 : 11 * 320 // 36] = 235
    with pytest.raises(barcode.BarcodeError, match="damaged"):
        barcode.read(luma)


def test_a_number_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="24 bits"):
        barcode.draw(noise(), 1 << 24)
