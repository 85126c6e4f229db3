"""A picture with alpha, laid over frames as they are stored: only its own rectangle of each plane is touched."""

from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from media.frames import Canvas, Placer
from media.orientation import Orientation
from media.pixels import Plane, planes

Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""
Rgba = npt.NDArray[np.float64]
"""Straight colours and alpha, 0..255, of shape (height, width, 4)."""


class Patch:
    """Samples that lie in `box`, even numbers of pixels, of the upright canvas.

    Over the picture with alpha a, a sample becomes (1 - a)·picture + a·patch; chroma uses the mean alpha of the luma
    samples it stands for. `placer` is that of `placer_for` the box; of many patches in one place it is the same.
    """

    def __init__(self, samples: Rgba, box: Box, canvas: Canvas, placer: Placer) -> None:
        orientation = canvas.orientation
        width, height, _ = canvas.upright
        left, top, wide, high = stored_box(box, (width, height), orientation)
        colours, alpha = _to_stored(samples, orientation)
        self._parts = []
        self._last: tuple[float, list[tuple[Plane, Plane]]] | None = None
        for plane in planes(placer(av.VideoFrame.from_ndarray(colours, format="rgb24"))):
            across, down = wide // plane.shape[1], high // plane.shape[0]
            thin = alpha.reshape(high // down, down, wide // across, across).mean(axis=(1, 3))
            area = (slice(top // down, (top + high) // down), slice(left // across, (left + wide) // across))
            self._parts.append((area, plane.astype(np.float32), thin.astype(np.float32)))

    def lay(self, frame: av.VideoFrame, strength: float = 1.0) -> None:
        """Lay it over a frame that may be written to, its alpha times `strength` (0..1)."""
        if self._last is None or self._last[0] != strength:
            shares = [(alpha * np.float32(strength), colours) for _, colours, alpha in self._parts]
            self._last = strength, [(1 - share, colours * share) for share, colours in shares]
        for plane, (area, *_), (kept, added) in zip(planes(frame), self._parts, self._last[1], strict=True):
            plane[area] = np.rint(plane[area] * kept + added)


def placer_for(box: Box, canvas: Canvas) -> Placer:
    """What brings the colours of patches in a box into the canvas's format. HDR colours take seconds to prepare."""
    sides = stored_box(box, canvas.upright[:2], canvas.orientation)[2:]
    small = Canvas(width=sides[0], height=sides[1], pixel_format=canvas.pixel_format, colour=canvas.assumed_colour)
    return Placer(small)


def stored_box(box: Box, upright: tuple[int, int], orientation: Orientation) -> Box:
    """The same rectangle on the picture as stored, of one on the upright picture of that size."""
    left, top, width, height = box
    if -1 in {orientation.a, orientation.c}:
        left = upright[0] - left - width
    if -1 in {orientation.b, orientation.d}:
        top = upright[1] - top - height
    return (top, left, height, width) if orientation.swaps_sides else (left, top, width, height)


def scaled(image: Image.Image, size: tuple[int, int]) -> Rgba:
    """RGBA samples at `size`; what is transparent takes the mean colour, so that no fringe shows at the edges."""
    return straight(np.asarray(image.convert("RGBa").resize(size, Image.Resampling.LANCZOS), np.float64))


def straight(samples: Rgba) -> Rgba:
    """Straight colours of premultiplied ones; what is transparent takes the mean colour."""
    alpha = samples[..., 3:]
    mean = samples[..., :3].sum(axis=(0, 1)) / max(alpha.sum(), 1) * 255
    colours = np.where(alpha > 0, samples[..., :3] * 255 / np.maximum(alpha, 1), mean)
    return np.concatenate([np.clip(colours, 0, 255), alpha], axis=2)


def _to_stored(patch: Rgba, orientation: Orientation) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """Colours (height, width, 3) and alpha (height, width) turned the way pictures are stored."""
    if -1 in {orientation.a, orientation.c}:
        patch = patch[:, ::-1]
    if -1 in {orientation.b, orientation.d}:
        patch = patch[::-1]
    if orientation.swaps_sides:
        patch = patch.transpose(1, 0, 2)
    return np.ascontiguousarray(np.rint(patch[..., :3]), np.uint8), patch[..., 3] / 255
