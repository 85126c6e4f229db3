"""Adjust: brightness, contrast, saturation and gamma, each 1 for no change."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from PIL import Image, ImageEnhance

from media.image.operations.base import Effect, SameSize, colours_only
from media.types import Notices

ONE = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjust(SameSize):
    """Values v in 0 … 1 become `(v^(1/gamma) · brightness − ½) · contrast + ½`, cut off at 0 and 1.

    `saturation` then draws each pixel away from its grey (0 leaves the grey, 2 doubles the distance); the grey is the
    luma of ITU-R BT.601.
    """

    brightness: Fraction = ONE
    contrast: Fraction = ONE
    saturation: Fraction = ONE
    gamma: Fraction = ONE

    def curve(self) -> list[int]:
        """What each of the 256 values becomes."""
        bent = ((value / 255) ** (1 / float(self.gamma)) for value in range(256))
        exact = ((v * float(self.brightness) - 0.5) * float(self.contrast) + 0.5 for v in bent)
        return [min(255, max(0, int(v * 255 + 0.5))) for v in exact]

    def effect(self, first: Image.Image, notices: Notices) -> Effect:  # noqa: ARG002
        """Look each value up, then saturate."""
        table = self.curve() * 3

        def adjusted(image: Image.Image) -> Image.Image:
            toned = image.point(table)
            return toned if self.saturation == 1 else ImageEnhance.Color(toned).enhance(float(self.saturation))

        return lambda frame: colours_only(frame, adjusted)
