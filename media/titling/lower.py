"""Templates of lower thirds: a name and what goes with it, over the lower part of a picture for some seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

from PIL import ImageFilter, ImageOps
from PIL.Image import Image

from media.lettering import Align, Block, reads_left
from media.titling.colours import WHITE, Rgb, contrast
from media.titling.look import Look, Surface
from media.titling.scene import Element, Scene, mirrored
from media.titling.setting import SAFE, Pair, cleaned, fit_pair, plate, written

LowerTemplate = Literal["bar", "line", "box"]
LOWER_TEMPLATES: tuple[LowerTemplate, ...] = get_args(LowerTemplate)
Side = Literal["left", "center", "right"]
SIDES: tuple[Side, ...] = get_args(Side)

_SIZES = [Fraction(n, 1000) for n in (58, 52, 46, 40, 34)]
_BELOW = Fraction(62, 100)
_PLATE = 217
_OPENS = Fraction(4, 10)
"""How long plates and lines take to open: what stands on them comes when they have."""
_SHADOW = 150
_WIDEST = {"wide": Fraction(6, 10), "high": Fraction(84, 100)}
"""Of the picture's width, on pictures wider than high and others."""


def lower_third(
    template: LowerTemplate, title: str, subtitle: str, look: Look, *, side: Side, size: tuple[int, int]
) -> Scene:
    """Lay it out on a picture of `size` (width, height) square pixels, inside the safe area.

    Raises:
        InputError: empty_title, unsupported_text, text_too_long.
    """
    heading, below = cleaned(title, subtitle, look.family)
    strip = _Strip(size, look, reads_left(heading))
    elements = _TEMPLATES[template](strip, heading, below)
    if strip.mirrored:
        elements = mirrored(elements, _extent(elements)[0])
    return Scene(size, None, _placed(elements, side, size), pace=Fraction(1))


def _placed(elements: list[Element], side: Side, size: tuple[int, int]) -> list[Element]:
    """Moved from the origin to where they stand: low, but in the safe area."""
    wide, high = _extent(elements)
    margin = round(size[0] * SAFE), round(size[1] * SAFE)
    x = {"left": margin[0], "center": (size[0] - wide) // 2, "right": size[0] - margin[0] - wide}[side]
    return [element.moved(x, size[1] - margin[1] - high) for element in elements]


def _extent(elements: list[Element]) -> tuple[int, int]:
    return max(e.x + e.picture.width for e in elements), max(e.y + e.picture.height for e in elements)


@dataclass(frozen=True, slots=True)
class _Strip(Surface):
    """What templates lay out, from (0, 0) on."""

    @property
    def pad(self) -> int:
        return max(self.short // 36, 3)

    @property
    def room(self) -> int:
        """The widest that text may be."""
        share = _WIDEST["wide" if self.size[0] > self.size[1] else "high"]
        return round(self.size[0] * share) - 4 * self.pad - self.short // 8

    def fit(self, heading: str, below: str) -> Pair:
        """Set both."""
        room, family = (self.room, self.short // 3), self.look.family
        return fit_pair(heading, below, room=room, short=self.short, family=family, sizes=_SIZES, ratio=_BELOW)

    def logo(self, height: int, ground: Rgb | None) -> Image | None:
        """The logo, no higher than that."""
        return self.mark(ground, width=self.short // 4, height=height)

    def text(self, block: Block, ground: Rgb, place: tuple[int, int], **options: Any) -> Element:
        """Text on a plate, with its left upper corner at a place; `options` are of the element."""
        picture = self.words(block, ground, align=self.flush, soft=options.pop("soft", False))
        return Element(picture, *place, travel=block.size // 2, **options)


def _bar(strip: _Strip, heading: str, below: str) -> list[Element]:
    """A plate with a stripe in the accent colour, uncovered from the left; the text follows."""
    look, pad = strip.look, strip.pad
    upper, lower = strip.fit(heading, below)
    text_high = upper.height + (lower.height if lower else 0)
    high, stripe = text_high + 2 * pad, max(pad // 2, 2)
    logo = strip.logo(text_high, look.background)
    x = stripe + pad + (0 if logo is None else logo.width + pad)
    wide = x + max(upper.width, lower.width if lower else 0) + 2 * pad
    room = x - pad // 2, 0, wide, high
    elements = [
        Element(plate(wide, high, look.background, _PLATE), 0, 0, way="across", length=_OPENS),
        Element(plate(stripe, high, look.accent), 0, 0, way="down", length=_OPENS),
        strip.text(upper, look.background, (x, pad), begin=_OPENS, way="left", clip=room),
    ]
    if logo is not None:
        elements.append(Element(logo, stripe + pad, (high - logo.height) // 2, _OPENS))
    if lower:
        at = x, pad + upper.height
        begin = _OPENS + Fraction(1, 10)
        elements.append(strip.text(lower, look.background, at, begin=begin, way="left", clip=room, soft=True))
    return elements


def _line(strip: _Strip, heading: str, below: str) -> list[Element]:
    """No plate: a line grows, and text with a soft shadow comes out of it on both sides."""
    look, pad = strip.look, strip.pad
    upper, lower = strip.fit(heading, below)
    thick = max(pad // 4, 2)
    text_high = upper.height + (thick + lower.height if lower else 0)
    logo = strip.logo(text_high, None)
    x = 0 if logo is None else logo.width + pad
    wide = max(upper.width, lower.width if lower else 0)
    line = pad + upper.height
    # A picture of text has `pad` pixels of shadow on each side.
    above, under = (0, 0, strip.size[0], line), (0, line + thick, strip.size[0], strip.size[1])
    title = _shadowed(upper, look.color, pad, strip.flush)
    elements = [
        Element(plate(wide, thick, look.accent), x + pad, line, way="across", length=_OPENS),
        Element(title, x, 0, Fraction(3, 10), "rise", travel=upper.size // 2, clip=above),
    ]
    if logo is not None:
        elements.append(Element(logo, pad, pad + (text_high - logo.height) // 2, Fraction(2, 10)))
    if lower:
        words = _shadowed(lower, look.color, pad, strip.flush)
        elements.append(Element(words, x, upper.height + thick, Fraction(45, 100), clip=under))
    return elements


def _box(strip: _Strip, heading: str, below: str) -> list[Element]:
    """The title on a box in the accent colour, the subtitle on one in the background colour; one after the other."""
    look, pad = strip.look, strip.pad
    upper, lower = strip.fit(heading, below)
    high = upper.height + pad
    logo = strip.logo(upper.height, look.accent)
    x = pad + (0 if logo is None else logo.width + pad)
    elements = [
        Element(plate(x + upper.width + pad, high, look.accent), 0, 0, way="across", length=_OPENS),
        strip.text(upper, look.accent, (x, pad // 2), begin=_OPENS),
    ]
    if logo is not None:
        elements.append(Element(logo, pad, (high - logo.height) // 2, _OPENS))
    if lower:
        begin = Fraction(15, 100)
        under = plate(lower.width + 2 * pad, lower.height + pad, look.background, _PLATE)
        elements.append(Element(under, 0, high, begin, "across", _OPENS))
        elements.append(strip.text(lower, look.background, (pad, high + pad // 2), begin=begin + _OPENS))
    return elements


def _shadowed(block: Block, ink: Rgb, pad: int, align: Align) -> Image:
    """Text with a soft shadow, dark behind bright letters and bright behind dark ones; `pad` pixels larger on each
    side."""
    outer = ImageOps.expand(written(block, ink, align=align), pad, (*ink, 0))
    shadow = outer.getchannel("A").filter(ImageFilter.GaussianBlur(max(pad / 3, 1)))
    ground = plate(outer.width, outer.height, max(((0, 0, 0), WHITE), key=lambda colour: contrast(colour, ink)))
    ground.putalpha(shadow.point([min(value * _SHADOW // 100, 255) for value in range(256)]))
    ground.alpha_composite(outer)
    return ground


_TEMPLATES: dict[LowerTemplate, Callable[[_Strip, str, str], list[Element]]] = {
    "bar": _bar,
    "line": _line,
    "box": _box,
}
