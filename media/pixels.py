"""Pixels of planar YUV frames as arrays, and the mixing of two frames."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[Any]

_ONE = 1 << 16


def planes(frame: av.VideoFrame) -> list[Plane]:
    """The planes of a planar frame of 8 to 16 bits as arrays of shape (height, width) that share its memory.

    A decoder may still need the pixels: call `frame.make_writable()` before changing them.
    """
    kind = np.dtype(np.uint8 if frame.format.components[0].bits <= 8 else np.uint16)
    found = []
    for plane in frame.planes:
        rows: Plane = np.frombuffer(memoryview(plane), kind).reshape(-1, plane.line_size // kind.itemsize)
        found.append(rows[: plane.height, : plane.width])
    return found


def mix(first: av.VideoFrame, second: av.VideoFrame, weight: Fraction) -> av.VideoFrame:
    """A new frame that is `weight` (0..1) of `second` and the rest of `first`, sample by sample, rounded.

    Both are planar, of one size and format. This is a dissolve of the coded values, as video mixers do it.
    """
    mixed = blank_like(second)
    share = np.uint32(round(weight * _ONE))
    rest, half = np.uint32(_ONE) - share, np.uint32(_ONE // 2)
    for target, one, other in zip(planes(mixed), planes(first), planes(second), strict=True):
        target[:] = np.right_shift(one.astype(np.uint32) * rest + other.astype(np.uint32) * share + half, 16)
    return mixed


def blank_like(frame: av.VideoFrame) -> av.VideoFrame:
    """A new frame with the size, format and colour tags of another, and no picture yet."""
    made = av.VideoFrame(frame.width, frame.height, frame.format.name)
    made.color_range, made.colorspace = frame.color_range, frame.colorspace
    made.color_primaries, made.color_trc = frame.color_primaries, frame.color_trc
    return made
