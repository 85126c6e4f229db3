"""Planes as arrays, and dissolves."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from media.pixels import mix, planes


def filled(level: int, pixel_format: str, size=(66, 34)) -> av.VideoFrame:
    frame = av.VideoFrame(*size, pixel_format)
    for plane in planes(frame):
        plane[:] = level
    return frame


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "yuv422p", "yuv444p10le", "yuvj420p"])
@pytest.mark.parametrize("weight", ["0", "1/30", "1/2", "29/30", "1"])
def test_a_mix_is_the_weighted_mean(pixel_format: str, weight: str) -> None:
    top = 1023 if "10" in pixel_format else 255
    share = Fraction(weight)
    for one, other in ((0, top), (top, 0), (7, top // 3), (top, top)):
        mixed = mix(filled(one, pixel_format), filled(other, pixel_format), share)
        assert mixed.format.name == pixel_format
        for plane in planes(mixed):
            exact = one + (other - one) * share
            assert plane.min() == plane.max()
            assert abs(int(plane[0, 0]) - exact) <= Fraction(52, 100)


def test_planes_share_the_memory_of_the_frame() -> None:
    frame = filled(10, "yuv420p")
    assert [plane.shape for plane in planes(frame)] == [(34, 66), (17, 33), (17, 33)]
    planes(frame)[1][3, 4] = 77
    assert planes(frame)[1][3, 4] == 77
    assert np.count_nonzero(planes(frame)[1] == 77) == 1


def test_colours_are_those_of_the_second() -> None:
    second = filled(10, "yuv420p")
    second.colorspace, second.color_trc = 1, 13
    mixed = mix(filled(0, "yuv420p"), second, Fraction(1, 2))
    assert (mixed.colorspace, mixed.color_trc) == (1, 13)
