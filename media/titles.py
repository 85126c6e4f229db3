"""Title cards: a title, an accent line and a subtitle on a plain ground, drawn by Pillow, faded in gently.

Everything stays inside the title-safe area of SMPTE ST 2046-1 (the middle 90 % of each axis), with a little more room
at the sides. The text block is set flush left, broken into even lines and shrunk until it fits.
"""

from __future__ import annotations

import colorsys
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from PIL import Image, ImageColor, ImageDraw

from media.errors import InputError
from media.lettering import Block, clean_text, fit_block

Rgb = tuple[int, int, int]

SAFE = Fraction(8, 100)
"""Margin on each side, as a part of the width and of the height."""

_TITLE_SIZES = [Fraction(n, 100) for n in (13, 12, 11, 10, 9, 8, 7, 6, 5, 4)]
_SUBTITLE_RATIO = Fraction(45, 100)
_SMALLEST = 9
_MOST_LINES = 8
_FADE = Fraction(6, 10)
_STARTS = {"line": Fraction(0), "title": Fraction(15, 100), "subtitle": Fraction(4, 10)}
_SETTLED = max(_STARTS.values()) + _FADE
_MIN_CONTRAST = 3


@dataclass(frozen=True)
class Title:
    """A laid-out title card: three `L` masks over one ground, each with the moment at which it starts to appear.

    `settled` is the time in seconds after which the picture no longer changes.
    """

    size: tuple[int, int]
    background: Rgb
    color: Rgb
    accent: Rgb
    title: Image.Image
    subtitle: Image.Image | None
    line: tuple[int, int, int, int]
    pace: Fraction

    @property
    def settled(self) -> Fraction:
        return _SETTLED * self.pace

    def at(self, time: Fraction) -> Image.Image:
        """The RGB picture at `time` seconds after the card's start."""
        picture = Image.new("RGB", self.size, self.background)
        left, top, right, bottom = self.line
        grown = left + round((right - left) * self._shown("line", time))
        if grown > left:
            ImageDraw.Draw(picture).rectangle((left, top, grown - 1, bottom - 1), fill=self.accent)
        picture.paste(self.color, mask=_dim(self.title, self._shown("title", time)))
        if self.subtitle is not None:
            faded = _dim(self.subtitle, self._shown("subtitle", time) * Fraction(3, 4))
            picture.paste(self.color, mask=faded)
        return picture

    def _shown(self, part: str, time: Fraction) -> Fraction:
        linear = min(max((time / self.pace - _STARTS[part]) / _FADE, Fraction(0)), Fraction(1))
        return linear * linear * (3 - 2 * linear)  # smoothstep: starts and ends without a jerk


def make_title(
    title: str, subtitle: str, *, size: tuple[int, int], duration: Fraction, background: str, color: str
) -> Title:
    """Lay out a title card of `size` (width, height) square pixels that lasts `duration` seconds.

    Colours are `#rrggbb` or `#rgb`. Raises InputError: `empty_title`, `unsupported_text` (characters that the font
    lacks), `text_too_long` (it does not fit even at the smallest size), `invalid_color`.
    """
    heading, below = clean_text(title), clean_text(subtitle)
    if not heading:
        raise InputError("empty_title", "The title card has no title. Give it one.")
    ground, ink = parse_color(background), parse_color(color)
    upper, lower = _fit(heading, below, size)
    accent = accent_for(ground, ink)
    left = round(size[0] * SAFE)
    thick = max(2, round(min(size) * Fraction(8, 1000)))
    gap = max(3, upper.size // 3)
    total = upper.height + gap + thick + (gap + lower.height if lower else 0)
    top = (size[1] - total) // 2
    rule = top + upper.height + gap
    below_rule = rule + thick + gap
    return Title(
        size=size,
        background=ground,
        color=ink,
        accent=accent,
        title=_mask(upper, size, left, top),
        subtitle=_mask(lower, size, left, below_rule) if lower else None,
        line=(left, rule, left + max(upper.size * 3 // 2, 8), rule + thick),
        pace=min(Fraction(1), duration / (3 * _SETTLED)),
    )


def parse_color(text: str) -> Rgb:
    """`#rrggbb` or `#rgb` as three numbers 0..255. Raises InputError `invalid_color`."""
    if not re.fullmatch(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", text):
        raise InputError("invalid_color", f"{text[:20]!r} is not a colour. Write it as #rrggbb.")
    red, green, blue, *_ = ImageColor.getrgb(text)
    return red, green, blue


def accent_for(background: Rgb, color: Rgb) -> Rgb:
    """A vivid partner for the ground: its opposite hue (amber on greys), or the text colour if that does not stand out.

    "Stand out" is a contrast of 3:1, what WCAG 2.2 (1.4.11) asks of graphics.
    """
    hue, light, saturation = colorsys.rgb_to_hls(*(c / 255 for c in background))
    opposite = (hue + 0.5) % 1 if saturation > 0.15 and 0.04 < light < 0.96 else 0.11
    red, green, blue = colorsys.hls_to_rgb(opposite, 0.6 if light < 0.5 else 0.4, 0.85)
    accent = round(red * 255), round(green * 255), round(blue * 255)
    return accent if contrast(accent, background) >= _MIN_CONTRAST else color


def contrast(one: Rgb, other: Rgb) -> float:
    """Contrast ratio 1..21 of two sRGB colours, as WCAG 2.2 defines it."""
    dark, bright = sorted((_luminance(one), _luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def _luminance(color: Rgb) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _fit(heading: str, below: str, size: tuple[int, int]) -> tuple[Block, Block | None]:
    """The largest setting in which both blocks fit the safe area together."""
    width, height = (round(axis * (1 - 2 * SAFE)) for axis in size)
    for part in _TITLE_SIZES:
        large = max(_SMALLEST, round(min(size) * part))
        small = max(_SMALLEST, round(large * _SUBTITLE_RATIO))
        last = part == _TITLE_SIZES[-1]
        fit = partial(fit_block, width=width, height=height, long_words="cut" if last else "refuse")
        upper = fit(heading, size=large, max_lines=_MOST_LINES if last else 3)
        lower = fit(below, size=small, max_lines=_MOST_LINES if last else 4) if below else None
        if upper is None or (below and lower is None):
            continue
        if upper.height + (lower.height if lower else 0) + large <= height:
            return upper, lower
    raise InputError("text_too_long", "The text does not fit on the title card. Shorten the title or the subtitle.")


def _mask(block: Block, size: tuple[int, int], x: int, y: int) -> Image.Image:
    mask = Image.new("L", size, 0)
    block.draw(mask, x, y)
    return mask


def _dim(mask: Image.Image, amount: Fraction) -> Image.Image:
    return mask if amount == 1 else mask.point([round(value * amount) for value in range(256)])
