"""Sharpen: an unsharp mask."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from PIL import Image, ImageFilter

from media.image.operations.base import Effect, SameSize, colours_only
from media.types import Notices


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharpen(SameSize):
    """Add `amount` of the difference from a blur of `radius` pixels where it is more than `threshold` of 255."""

    radius: Fraction = Fraction(3, 2)
    amount: Fraction = Fraction(4, 5)
    threshold: int = 2

    def effect(self, first: Image.Image, notices: Notices) -> Effect:  # noqa: ARG002
        """Sharpen the colours."""
        mask = ImageFilter.UnsharpMask(float(self.radius), round(self.amount * 100), self.threshold)
        return lambda frame: colours_only(frame, lambda image: image.filter(mask))
