"""Crop: keep a part of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from PIL import Image

from media.errors import InputError
from media.image.focus import window
from media.image.lengths import LOOKING, Gravity, Length, place
from media.image.operations.base import Effect
from media.types import Notices


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """Keep `width` × `height` (either may be left out: all of it), or the largest part of an `aspect`, width:height.

    `x` and `y` place its corner; a side without one is placed by `gravity`. A size beyond the picture is its size.
    """

    width: Length | None = None
    height: Length | None = None
    x: Length | None = None
    y: Length | None = None
    aspect: Fraction | None = None
    gravity: Gravity = "center"

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The size that is kept. Raises InputError `region_outside`."""
        if self.aspect is not None:
            if Fraction(width, height) > self.aspect:
                return max(1, round(height * self.aspect)), height
            return width, max(1, round(width / self.aspect))
        left, top = (self.x or Length(Fraction(0))).pixels(width), (self.y or Length(Fraction(0))).pixels(height)
        kept = (
            min(width - left, self.width.pixels(width) if self.width else width),
            min(height - top, self.height.pixels(height) if self.height else height),
        )
        if min(kept) < 1:
            raise InputError("region_outside", f"The crop leaves nothing of the {width} × {height} pixels.")
        return kept

    def effect(self, first: Image.Image, notices: Notices) -> Effect:
        """Cut; the first frame says where. Raises InputError `no_face_detector`."""
        kept = self.size(*first.size)
        looks = self.gravity in LOOKING
        x, y = window(first, *kept, self.gravity, notices) if looks else place(kept, first.size, self.gravity)
        left = x if self.x is None else self.x.pixels(first.width)
        top = y if self.y is None else self.y.pixels(first.height)
        box = (left, top, left + kept[0], top + kept[1])
        return lambda frame: frame.crop(box)
