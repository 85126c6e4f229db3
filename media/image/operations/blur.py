"""Blur: of everything, or of a region."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from PIL import Image, ImageFilter

from media.image.operations.base import Effect, SameSize, premultiplied
from media.image.operations.region import Region, within
from media.types import Notices


@dataclass(frozen=True, slots=True, kw_only=True)
class Blur(SameSize):
    """A Gaussian blur whose standard deviation is `radius` pixels. A blur can be undone in part: to hide something,
    pixelate it."""

    radius: Fraction = Fraction(5)
    region: Region | None = None

    def effect(self, first: Image.Image, notices: Notices) -> Effect:  # noqa: ARG002
        """Blur, inside the region if there is one."""
        if self.region:
            self.region.box(*first.size)
        blur = ImageFilter.GaussianBlur(float(self.radius))
        return within(self.region, lambda frame: premultiplied(frame, lambda image: image.filter(blur)))
