"""Resize: another size, by Lanczos with three lobes, on premultiplied colours."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from PIL import Image

from media.image.focus import window
from media.image.lengths import LOOKING, Gravity, place, place_exactly
from media.image.operations.base import TRANSPARENT, Effect, canvas, put
from media.image.scaling import Box, resample
from media.types import Notices

Fit = Literal["inside", "contain", "cover", "fill"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize:
    """Make the picture fit `width` × `height` pixels; with one of them, the other follows.

    `inside`: whole, as large as fits. `contain`: whole, on a canvas of exactly that size in `background`. `cover`: the
    box filled and the rest cut off by `gravity`. `fill`: stretched. Nothing is enlarged unless `upscale`: then `cover`
    and `fill` give less than was asked for.
    """

    width: int | None = None
    height: int | None = None
    fit: Fit = "inside"
    upscale: bool = False
    gravity: Gravity = "center"
    background: str = TRANSPARENT

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The size of the result."""
        if self.width is None or self.height is None or self.fit == "inside":
            return self._inside(width, height)
        if self.fit == "contain":
            return self.width, self.height
        if self.fit == "fill":
            return (self.width, self.height) if self.upscale else (min(width, self.width), min(height, self.height))
        scale = max(Fraction(self.width, width), Fraction(self.height, height))
        if scale > 1 and not self.upscale:
            return max(1, round(self.width / scale)), max(1, round(self.height / scale))
        return self.width, self.height

    def scale(self, width: int, height: int) -> Fraction:
        """The share of its size that a picture must have at least for this to lose nothing by it; at most 1."""
        made = self._inside(width, height) if self.fit in {"inside", "contain"} else self.size(width, height)
        return min(Fraction(1), max(Fraction(made[0], width), Fraction(made[1], height)))

    def effect(self, first: Image.Image, notices: Notices) -> Effect:
        """Resample; a cover first takes the part that matters. Raises InputError `no_face_detector`."""
        made = self.size(*first.size)
        if self.fit == "contain" and self.width and self.height:
            inner = self._inside(*first.size)
            corner = place(inner, made, self.gravity)
            return lambda frame: put(canvas(made, self.background, frame), resample(frame, inner), corner)
        box = self._kept(first, made, notices) if self.fit == "cover" else None
        return lambda frame: resample(frame, made, box)

    def _inside(self, width: int, height: int) -> tuple[int, int]:
        limits = [Fraction(most, side) for most, side in ((self.width, width), (self.height, height)) if most]
        scale = min(limits) if self.upscale else min(*limits, Fraction(1))
        return max(1, round(width * scale)), max(1, round(height * scale))

    def _kept(self, first: Image.Image, made: tuple[int, int], notices: Notices) -> Box:
        """The part that has exactly the shape of the result: its border may lie between pixels."""
        scale = max(Fraction(made[0], first.width), Fraction(made[1], first.height))
        width, height = made[0] / scale, made[1] / scale
        if self.gravity in LOOKING:
            x, y = window(first, int(width), int(height), self.gravity, notices)
            return float(x), float(y), float(x + int(width)), float(y + int(height))
        across, down = place_exactly((width, height), first.size, self.gravity)
        return float(across), float(down), float(across + width), float(down + height)
