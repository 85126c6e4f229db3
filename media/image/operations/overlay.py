"""Overlay: another picture over this one."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from PIL import Image

from media.image.lengths import QUARTER, TWENTIETH, Gravity, Length, place
from media.image.operations.base import Effect, SameSize, put
from media.image.scaling import resample
from media.types import Notices


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay(SameSize):
    """`picture`, as wide as `width` says (of the width under it), `margin` (of the shorter side) off the border."""

    picture: Image.Image
    width: Length = QUARTER
    opacity: Fraction = Fraction(1)
    position: Gravity = "bottom-right"
    margin: Length = TWENTIETH

    def effect(self, first: Image.Image, notices: Notices) -> Effect:  # noqa: ARG002
        """Scale it once and lay it on every frame; it is kept inside the picture."""
        margin = self.margin.pixels(min(first.size))
        room = (max(1, first.width - 2 * margin), max(1, first.height - 2 * margin))
        wanted = min(room[0], max(1, self.width.pixels(first.width)))
        scale = min(Fraction(wanted, self.picture.width), Fraction(room[1], self.picture.height))
        size = (max(1, round(self.picture.width * scale)), max(1, round(self.picture.height * scale)))
        layer = resample(self.picture.convert("RGBA"), size)
        if self.opacity < 1:
            layer = layer.copy()
            layer.putalpha(layer.getchannel("A").point([round(value * self.opacity) for value in range(256)]))
        x, y = place(size, room, self.position)
        return lambda frame: put(frame, layer, (margin + x, margin + y))
