"""A part of a picture that an effect keeps to."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from media.errors import InputError
from media.image.lengths import Length
from media.image.operations.base import Effect

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle: its top left corner and its sides."""

    x: Length
    y: Length
    width: Length
    height: Length

    def box(self, width: int, height: int) -> Box:
        """Left, top, right, bottom in a picture of `width` × `height`, cut off at its border.

        Raises InputError `region_outside` when nothing of it is left.
        """
        left, top = self.x.pixels(width), self.y.pixels(height)
        right = min(width, left + self.width.pixels(width))
        bottom = min(height, top + self.height.pixels(height))
        if left >= right or top >= bottom:
            raise InputError("region_outside", f"The region lies outside the picture of {width} × {height} pixels.")
        return left, top, right, bottom


def within(region: Region | None, change: Effect) -> Effect:
    """The effect on the region only; on everything without one."""
    if region is None:
        return change

    def changed(image: Image.Image) -> Image.Image:
        box = region.box(*image.size)
        made = image.copy()
        made.paste(change(image.crop(box)), box)
        return made

    return changed
