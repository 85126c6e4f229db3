"""ThumbHash: a picture in about 25 bytes, to be shown while the real one loads.

Format and constants: https://evanw.github.io/thumbhash/ (its reference encoder). Light in up to 7 × 7 cosines, two
colour axes in 3 × 3, alpha in 5 × 5 where there is any, each coefficient in four bits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

Plane = npt.NDArray[np.float64]

_SIDE = 100


def thumbhash(image: Image.Image) -> bytes:
    """The hash of a picture in RGB or RGBA of any size."""
    small = image.convert("RGBA")
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    values = np.asarray(small, np.float64) / 255
    alpha = values[..., 3]
    weight = alpha.sum()
    mean = (values[..., :3] * alpha[..., None]).sum((0, 1)) / weight if weight else np.zeros(3)
    red, green, blue = np.moveaxis(mean * (1 - alpha[..., None]) + alpha[..., None] * values[..., :3], 2, 0)
    clear = bool(weight < alpha.size)
    light = _Channel((red + green + blue) / 3, *_cosines(small.size, 5 if clear else 7))
    yellow = _Channel((red + green) / 2 - blue, 3, 3)
    reds = _Channel(red - green, 3, 3)
    wide = small.width > small.height
    header = round(63 * light.mean) | round(31.5 + 31.5 * yellow.mean) << 6 | round(31.5 + 31.5 * reds.mean) << 12
    header |= round(31 * light.scale) << 18 | clear << 23
    shape = (light.down if wide else light.across) | round(63 * yellow.scale) << 3
    shape |= round(63 * reds.scale) << 9 | wide << 15
    head = header.to_bytes(3, "little") + shape.to_bytes(2, "little")
    channels = [light, yellow, reds]
    if clear:
        veil = _Channel(alpha, 5, 5)
        head += bytes([round(15 * veil.mean) | round(15 * veil.scale) << 4])
        channels.append(veil)
    digits = [digit for channel in channels for digit in channel.digits]
    digits += [0] * (len(digits) % 2)
    return head + bytes(low | high << 4 for low, high in zip(digits[::2], digits[1::2], strict=True))


def _cosines(size: tuple[int, int], most: int) -> tuple[int, int]:
    longer = max(size)
    across, down = (max(1, int(most * side / longer + 0.5)) for side in size)
    return across, down


class _Channel:
    """The cosine transform of a plane: its mean, and the coefficients of a triangle as digits of 0 … 15 of `scale`."""

    def __init__(self, plane: Plane, across: int, down: int) -> None:
        self.across, self.down = across, down
        across, down = max(3, across), max(3, down)
        height, width = plane.shape
        rows = np.cos(np.pi / height * np.outer(np.arange(down), np.arange(height) + 0.5))
        columns = np.cos(np.pi / width * np.outer(np.arange(across), np.arange(width) + 0.5))
        found = rows @ plane @ columns.T / plane.size
        self.mean = float(found[0, 0])
        waves = [
            float(found[y, x])
            for y in range(down)
            for x in range(across)
            if (x or y) and x * down < across * (down - y)
        ]
        self.scale = max(map(abs, waves))
        self.digits = [int(15 * (0.5 + 0.5 * wave / self.scale) + 0.5) if self.scale else 0 for wave in waves]
