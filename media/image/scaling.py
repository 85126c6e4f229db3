"""Pictures at another size, by Lanczos with three lobes on premultiplied colours.

Where a picture becomes smaller, which is nearly always, libvips computes it: with the processor's vector instructions,
in a third of Pillow's time, and as Pillow would but for rounding. It is given pixels that Pillow has decoded, and may
neither read nor write any format: what strangers send never comes to a decoder of its own.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from PIL import Image

Box = tuple[float, float, float, float]

_GAP = 3.0
"""A whole-number box filter does the reduction down to so many times the target: Lanczos hides the difference."""
_SMALL = 256 * 256
"""Pixels up to which it takes longer to hand a picture over than to compute it."""
_STRIP = 128
"""Rows that are handed over at once."""


def resample(image: Image.Image, size: tuple[int, int], box: Box | None = None) -> Image.Image:
    """The picture in RGB or RGBA, or its part in `box` (left, top, right, bottom in pixels), at another size."""
    if size == image.size and box in (None, (0, 0, *size)):
        return image
    left, top, right, bottom = box or (0, 0, *image.size)
    whole = all(float(side).is_integer() for side in (left, top, right, bottom))
    if not whole or size[0] > right - left or size[1] > bottom - top or image.width * image.height <= _SMALL:
        return image.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=_GAP)
    part = image if box is None else image.crop((int(left), int(top), int(right), int(bottom)))
    made = _reduced(part, "RGBa" if part.mode == "RGBA" else part.mode, size)
    return made.convert(part.mode)


def _reduced(image: Image.Image, mode: str, size: tuple[int, int]) -> Image.Image:
    """A picture made smaller, in another mode of 8-bit channels."""
    pixels = _vips().Image.new_from_memory(_pixels(image, mode), *image.size, len(mode), "uchar")
    made = pixels.resize(size[0] / image.width, vscale=size[1] / image.height, kernel="lanczos3", gap=_GAP)
    # Its own rounding might come out a pixel off.
    assert (made.width, made.height) == size, (image.size, size, made.width, made.height)
    return Image.frombuffer(mode, size, made.write_to_memory())


def _pixels(image: Image.Image, mode: str) -> bytearray:
    """The bytes of a picture in another mode, a strip at a time: there is no second copy of a large one."""
    row = image.width * len(mode)
    found = bytearray(row * image.height)
    for top in range(0, image.height, _STRIP):
        bottom = min(image.height, top + _STRIP)
        strip = image.crop((0, top, image.width, bottom))
        found[top * row : bottom * row] = strip.convert(mode).tobytes()
    return found


@lru_cache(maxsize=1)
def _vips() -> Any:
    """libvips, loaded by the process that first needs it: its threads would not survive a fork.

    It has one thread (a worker has several processes) unless `VIPS_CONCURRENCY` says otherwise, remembers nothing of
    what it did, and has no loaders and savers.
    """
    os.environ.setdefault("VIPS_CONCURRENCY", "1")
    import pyvips

    pyvips.cache_set_max(0)
    pyvips.block_untrusted_set(True)
    pyvips.operation_block_set("VipsForeign", True)
    return pyvips
