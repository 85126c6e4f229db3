"""Rotate: turn clockwise, exactly by right angles, else on a canvas that holds the whole."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, cos, radians, sin

from PIL import Image

from media.image.operations.base import TRANSPARENT, Effect, canvas, put
from media.types import Notices

_RIGHT = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotate:
    """Turn by `angle` degrees clockwise; corners that come free are filled with `background`."""

    angle: Fraction
    background: str = TRANSPARENT

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The box around the turned picture."""
        if self.angle % 180 == 0:
            return width, height
        if self.angle % 90 == 0:
            return height, width
        across, along = abs(cos(radians(self.angle))), abs(sin(radians(self.angle)))
        # Without the noise of the sine a whole number would be rounded up.
        return (
            ceil(round(width * across + height * along, 6)),
            ceil(round(width * along + height * across, 6)),
        )

    def effect(self, first: Image.Image, notices: Notices) -> Effect:  # noqa: ARG002
        """Transpose or, for other angles, resample by bicubic interpolation."""
        angle = self.angle % 360
        if angle == 0:
            return lambda frame: frame
        if angle in _RIGHT:
            return lambda frame: frame.transpose(_RIGHT[int(angle)])
        return self._turned

    def _turned(self, frame: Image.Image) -> Image.Image:
        size = self.size(*frame.size)
        room = Image.new("RGBA", (max(size[0], frame.width), max(size[1], frame.height)), (255, 255, 255, 0))
        middle = ((room.width - frame.width) // 2, (room.height - frame.height) // 2)
        room.paste(frame, middle)
        centre = (middle[0] + frame.width / 2, middle[1] + frame.height / 2)
        turned = room.rotate(-float(self.angle), Image.Resampling.BICUBIC, center=centre)
        left, top = round(centre[0] - size[0] / 2), round(centre[1] - size[1] / 2)
        turned = turned.crop((left, top, left + size[0], top + size[1]))
        return put(canvas(size, self.background, turned if self.background == TRANSPARENT else frame), turned, (0, 0))
