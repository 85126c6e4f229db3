"""How like each other two pictures are.

Planes are gone through in strips that stay in the processor's cache: arrays as large as a picture, which would be asked
of the system for each and given back, cost several times what is done with them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from media.barcode import luma_plane
from media.pixels import planes

SAME = 100.0
"""dB that stand for no difference at all."""
_STRIP = 1 << 16
"""Samples that are looked at in one go."""

Plane = npt.NDArray[Any]


def psnr(made: av.VideoFrame, given: av.VideoFrame) -> float:
    """Peak signal-to-noise ratio of the luma planes, in dB; 100 for equal planes."""
    one, other = luma_plane(made), luma_plane(given)
    if one.shape != other.shape:
        return 0.0
    error = _squares(one, other) / one.size
    peak = (1 << made.format.components[0].bits) - 1
    return SAME if error == 0 else min(10 * math.log10(peak * peak / error), SAME)


def identical(made: av.VideoFrame, given: av.VideoFrame) -> bool:
    """Whether two frames are the same to the bit."""
    if (made.width, made.height, made.format.name) != (given.width, given.height, given.format.name):
        return False
    pairs = zip(planes(made), planes(given), strict=True)
    return all(np.array_equal(*strips) for one, other in pairs for strips in _strips(one, other))


def fingerprint(frame: av.VideoFrame) -> bytes:
    """A digest of a frame's format, size and all its samples: that of no other picture."""
    found = hashlib.sha256(f"{frame.width}×{frame.height} {frame.format.name}".encode())
    for plane in planes(frame):
        for strip, _ in _strips(plane, plane):
            # Rows may be padded, with anything.
            found.update(np.ascontiguousarray(strip).data)
    return found.digest()


def _rows(plane: Plane) -> int:
    """How many make a strip."""
    width: int = plane.shape[1]
    return max(_STRIP // width, 1)


def _strips(one: Plane, other: Plane) -> Iterator[tuple[Plane, Plane]]:
    rows = _rows(one)
    for top in range(0, one.shape[0], rows):
        yield one[top : top + rows], other[top : top + rows]


def _squares(one: Plane, other: Plane) -> float:
    """The sum of the squares of all differences. Row by row it stays exact enough in 32 bits, which takes half the time
    of whole numbers."""
    room = np.empty((_rows(one), one.shape[1]), np.float32)
    total = 0.0
    for upper, lower in _strips(one, other):
        difference = np.subtract(upper, lower, dtype=np.float32, out=room[: len(upper)])
        total += float(np.einsum("ij,ij->i", difference, difference).sum(dtype=np.float64))
    return total
