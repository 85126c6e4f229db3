"""Text and simple shapes as pictures, and the largest setting in which a title and what stands below it fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import partial

from PIL import Image

from media.errors import InputError
from media.fonts import Family
from media.lettering import Align, Block, Style, clean_text, fit_block
from media.titling.colours import Rgb

SAFE = Fraction(8, 100)
"""Margin on each side, as a part of the width and of the height: the title-safe area of SMPTE ST 2046-1 (the middle
90 % of each axis) and a little more."""

SIZES = [Fraction(n, 100) for n in (13, 12, 11, 10, 9, 8, 7, 6, 5, 4)]
"""Sizes of a title that are tried, as parts of the picture's shorter side."""
_BELOW = Fraction(45, 100)
_SMALLEST = 9
_LEAST = Fraction(3, 100)
"""Size of a subtitle, as a part of the picture's shorter side, below which it is set only where nothing else helps."""
_MOST_LINES = 8
_TITLE_WEIGHT, _BELOW_WEIGHT = 600, 400

Pair = tuple[Block, Block | None]


def cleaned(title: str, subtitle: str, family: Family) -> tuple[str, str]:
    """Both texts, ready to be set. Raises InputError: empty_title, unsupported_text."""
    heading, below = clean_text(title, family), clean_text(subtitle, family)
    if not heading:
        raise InputError("empty_title", "The title card has no title. Give it one.")
    return heading, below


def fit_pair(
    heading: str,
    below: str,
    *,
    room: tuple[int, int],
    short: int,
    family: Family,
    sizes: Sequence[Fraction] = SIZES,
    ratio: Fraction = _BELOW,
) -> Pair:
    """The largest setting in which both fit the room (width, height) together; `short` is the picture's shorter side.

    Raises:
        InputError: text_too_long.
    """
    width, height = room
    for part, least in [
        *((part, _LEAST) for part in (*sizes, _LEAST)),
        (sizes[-1], Fraction(0)),
        (_LEAST, Fraction(0)),
    ]:
        large = max(_SMALLEST, round(short * part))
        small = max(_SMALLEST, min(large, math.ceil(short * least)), round(large * ratio))
        last = part <= sizes[-1]
        fit = partial(fit_block, width=width, height=height, long_words="cut" if last else "refuse")
        most = _MOST_LINES if last else 4
        upper = fit(heading, size=large, max_lines=most, style=Style(family, _TITLE_WEIGHT))
        if upper is None:
            continue
        lower = None
        if below:
            most = _MOST_LINES if last else 5
            lower = fit(below, size=small, max_lines=most, style=Style(family, _BELOW_WEIGHT))
            if lower is None:
                continue
        if upper.height + (lower.height if lower else 0) + large <= height:
            return upper, lower
    raise InputError("text_too_long", "The text does not fit on the title card. Shorten the title or the subtitle.")


def written(block: Block, ink: Rgb, *, align: Align = "start", strength: int = 255) -> Image.Image:
    """A block of text as RGBA."""
    mask = Image.new("L", (max(block.width, 1), block.height), 0)
    block.draw(mask, 0, 0, align=align)
    picture = Image.new("RGBA", mask.size, (*ink, 0))
    picture.putalpha(mask if strength == 255 else mask.point([value * strength // 255 for value in range(256)]))
    return picture


def plate(width: int, height: int, colour: Rgb, strength: int = 255) -> Image.Image:
    """A plain rectangle as RGBA."""
    return Image.new("RGBA", (max(width, 1), max(height, 1)), (*colour, strength))


def sized(logo: Image.Image, *, width: int, height: int) -> Image.Image:
    """A logo as large as fits."""
    scale = min(Fraction(width, logo.width), Fraction(height, logo.height))
    size = max(round(logo.width * scale), 1), max(round(logo.height * scale), 1)
    return logo.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
