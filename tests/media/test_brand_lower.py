"""Lower thirds at work on pictures as they are stored."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from media.brand import LowerThird
from media.brand.lower import LowerLayer
from media.encode import Colour
from media.frames import PQ, Canvas, Placer
from media.pixels import planes

HDR = Canvas(width=320, height=180, pixel_format="yuv420p10le", colour=Colour(9, PQ, 9))


def painted(layer: LowerLayer, time: Fraction) -> list[np.ndarray]:
    """The planes of a dark frame of the canvas with the lower third on it."""
    frame = av.VideoFrame(HDR.width, HDR.height, HDR.pixel_format)
    for plane, value in zip(planes(frame), (64, 512, 512), strict=True):
        plane[:] = value
    return [plane.copy() for plane in planes(layer(frame, time))]


def test_colours_are_prepared_once(monkeypatch) -> None:
    """Mapping colours to HDR takes seconds to prepare, and every picture of a motion is another."""
    built: list[Placer] = []
    build = Placer._build
    monkeypatch.setattr(Placer, "_build", lambda self, frame: built.append(self) or build(self, frame))
    third = LowerThird(title="Zoë", subtitle="Observatory", start=Fraction(0), end=Fraction(3))
    layer = LowerLayer(third, HDR)
    moving = [painted(layer, Fraction(n, 25)) for n in (3, 5, 8, 40, 72)]
    assert len(built) == 1
    assert not np.array_equal(moving[0][0], moving[2][0])
    again = painted(layer, Fraction(8, 25))
    assert all(np.array_equal(one, other) for one, other in zip(moving[2], again, strict=True))
