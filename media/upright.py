"""Frames of a video as images for the eye: upright, in square pixels and SDR colours."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from media.frames import BT709, Canvas, Placer, even, sane_aspect
from media.orientation import Orientation
from media.probe import display_matrix

Size = tuple[int, int]


class Upright:
    """Callable that turns the frames of one video into RGB images of one size, which the first of them decides.

    `fit` is given the width and height that are seen, in square pixels, and tells those that are wanted; both even.
    """

    def __init__(self, video: av.VideoStream, fit: Callable[[Fraction, Fraction], Size]) -> None:
        self._aspect = sane_aspect(video.sample_aspect_ratio)
        self._fit = fit
        self._placer: Placer | None = None

    def __call__(self, frame: av.VideoFrame) -> Image.Image:
        return Image.fromarray(self.array(frame))

    def array(self, frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
        """The same as an array of shape (height, width, 3)."""
        if self._placer is None:
            width, height = self._fit(*shown_size(frame, self._aspect))
            self._placer = Placer(Canvas(width=width, height=height, colour=BT709), sample_aspect=self._aspect)
        return self._placer(frame).to_ndarray(format="rgb24").astype(np.uint8, copy=False)


def shown_size(frame: av.VideoFrame, aspect: Fraction) -> tuple[Fraction, Fraction]:
    """Width and height of a frame as it is seen, in square pixels as high as its own; `aspect` is their shape."""
    wide, high = frame.width * aspect, Fraction(frame.height)
    return (high, wide) if Orientation.of(display_matrix(frame)).swaps_sides else (wide, high)


def within(width: int, height: int) -> Callable[[Fraction, Fraction], Size]:
    """Fits what is seen into a box, without enlarging it."""

    def fit(wide: Fraction, high: Fraction) -> Size:
        scale = min(width / wide, height / high, Fraction(1))
        return even(wide * scale), even(high * scale)

    return fit
