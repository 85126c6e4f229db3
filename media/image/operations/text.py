"""Text: lines of type over the picture."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from PIL import Image

from media.errors import InputError
from media.image.lengths import TWENTIETH, Gravity, Length, place
from media.image.operations.base import Effect, SameSize, paint, put
from media.lettering import clean_text, set_block
from media.types import Notices

_MOST_SIZE = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(SameSize):
    """`text` in letters as high as `letters` (of the height), `margin` (of the shorter side) off the border.

    Lines are broken where the picture ends. `plate` is a colour behind them, none if None.
    """

    text: str
    letters: Length = TWENTIETH
    color: str = "#ffffff"
    plate: str | None = None
    opacity: Fraction = Fraction(1)
    position: Gravity = "bottom"
    margin: Length = TWENTIETH

    def effect(self, first: Image.Image, notices: Notices) -> Effect:  # noqa: ARG002
        """Draw the type once and lay it on every frame. Raises InputError unsupported_text, text_too_large."""
        words = clean_text(self.text)
        if not words.strip():
            raise InputError("unsupported_text", "The text has no letters.")
        margin = self.margin.pixels(min(first.size))
        room = (first.width - 2 * margin, first.height - 2 * margin)
        size = max(1, self.letters.pixels(first.height))
        inset = size // 3 if self.plate else 0
        if size > _MOST_SIZE or room[0] - 2 * inset < size:
            raise InputError(
                "text_too_large", f"Letters of {size} pixels do not fit on {first.width} × {first.height}."
            )
        block = set_block(words, size, room[0] - 2 * inset)
        outer = (block.width + 2 * inset, block.height + 2 * inset)
        if outer[1] > room[1]:
            raise InputError(
                "text_too_large", f"{len(block.lines)} lines do not fit on {first.width} × {first.height}."
            )
        mask = Image.new("L", outer, 0)
        block.draw(mask, inset, inset)
        layer = Image.new("RGBA", outer, paint(self.plate) if self.plate else (*paint(self.color)[:3], 0))
        ink = Image.new("RGBA", outer, paint(self.color))
        ink.putalpha(mask)
        layer.alpha_composite(ink)
        layer.putalpha(layer.getchannel("A").point([round(value * self.opacity) for value in range(256)]))
        x, y = place(outer, room, self.position)
        return lambda frame: put(frame, layer, (margin + x, margin + y))
