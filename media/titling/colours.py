"""Colours of titles: their notation, and which of them can be told apart."""

from __future__ import annotations

import colorsys
import re

from PIL import ImageColor

from media.errors import InputError

Rgb = tuple[int, int, int]

BLACK: Rgb = (16, 16, 16)
WHITE: Rgb = (255, 255, 255)
_MIN_CONTRAST = 3
_LEGIBLE = 4.5
"""Contrast that WCAG 2.2 (1.4.3) asks of text."""


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


def ink_for(ground: Rgb, *wanted: Rgb) -> Rgb:
    """The first of the wanted colours that is legible on a ground; black or white where none is."""
    best = max((BLACK, WHITE), key=lambda ink: contrast(ink, ground))
    return next((ink for ink in wanted if is_legible(ink, ground)), best)


def mixed(ink: Rgb, ground: Rgb, strength: int) -> Rgb:
    """What an ink looks like on a ground that shows through it; `strength` of 255 is solid."""
    red, green, blue = (
        round(i * strength / 255 + g * (255 - strength) / 255) for i, g in zip(ink, ground, strict=True)
    )
    return red, green, blue


def is_legible(ink: Rgb, ground: Rgb) -> bool:
    """Whether WCAG 2.2 takes one for text on the other."""
    return contrast(ink, ground) >= _LEGIBLE


def contrast(one: Rgb, other: Rgb) -> float:
    """Contrast ratio 1..21 of two sRGB colours, as WCAG 2.2 defines it."""
    dark, bright = sorted((_luminance(one), _luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def _luminance(color: Rgb) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
