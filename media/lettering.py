"""Type for rendered pictures: the font, what it cannot write, and the fitting of text into a box.

The font is the one that Pillow carries (a subset of Aileron Regular), so a picture is the same on every machine. Its
character set is small; what it lacks would show as an empty box, so such text is refused, never drawn.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

from PIL import Image, ImageDraw, ImageFont

from media.errors import InputError

LEADING = 6, 5
"""Line height as a ratio of the font size."""

_PROBE_SIZE = 40
_NONCHARACTER = "\uffff"
"""A code point that Unicode promises never to assign: every font draws its `.notdef` glyph for it."""


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The built-in font at `size` pixels."""
    return cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))


@lru_cache(maxsize=4096)
def _drawable(character: str) -> bool:
    return _glyph(character) != _glyph(_NONCHARACTER)


def _glyph(character: str) -> tuple[tuple[int, int], bytes]:
    mask = font(_PROBE_SIZE).getmask(character)
    return mask.size, bytes(mask)


def clean_text(text: str) -> str:
    """Text in composed form, with line breaks kept and other runs of white space made one space.

    Raises InputError `unsupported_text`, which names the characters that the font cannot draw.
    """
    lines = (" ".join(line.split()) for line in unicodedata.normalize("NFC", text).splitlines())
    kept = "\n".join(lines).strip("\n")
    missing = [c for c in dict.fromkeys(kept) if c != "\n" and not _drawable(c)]
    if missing:
        named = ", ".join(_name(character) for character in missing[:10])
        raise InputError("unsupported_text", f"The title font cannot write {named}. Leave these characters out.")
    return kept


def _name(character: str) -> str:
    code = f"U+{ord(character):04X}"
    return f"{character} ({code})" if character.isprintable() else code


@dataclass(frozen=True)
class Block:
    """Lines of text set in one font size; `width` and `height` in pixels, the height in whole lines."""

    lines: tuple[str, ...]
    size: int
    width: int

    @property
    def leading(self) -> int:
        """Distance in pixels from one baseline to the next."""
        return self.size * LEADING[0] // LEADING[1]

    @property
    def height(self) -> int:
        return self.leading * len(self.lines)

    def draw(self, mask: Image.Image, x: int, y: int) -> None:
        """Write the lines in white on an `L` picture, the block's top left corner at (x, y)."""
        pen = ImageDraw.Draw(mask)
        ascent, descent = font(self.size).getmetrics()
        inset = (self.leading - ascent - descent) // 2
        for row, line in enumerate(self.lines):
            pen.text((x, y + row * self.leading + inset), line, font=font(self.size), fill=255)


def set_block(text: str, size: int, width: int) -> Block:
    """Break `text` into the fewest lines of at most `width` pixels, then make the lines as even as that allows."""
    lines = _wrap(text, size, width)
    low, high = min(width, max(_length(word, size) for word in text.split() or [""])), width
    while low < high:  # the narrowest measure that still needs no more lines
        middle = (low + high) // 2
        if len(_wrap(text, size, middle)) <= len(lines):
            high = middle
        else:
            low = middle + 1
    even = _wrap(text, size, high)
    return Block(tuple(even), size, max((_length(line, size) for line in even), default=0))


def fit_block(
    text: str, *, size: int, width: int, height: int, max_lines: int, long_words: Literal["cut", "refuse"]
) -> Block | None:
    """The block in `size`, or None if it leaves the box; words longer than a line are cut or leave the box too."""
    if long_words == "refuse" and any(_length(word, size) > width for word in text.split()):
        return None
    block = set_block(text, size, width)
    return block if block.height <= height and len(block.lines) <= max_lines else None


def _wrap(text: str, size: int, width: int) -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            joined = f"{line} {word}".strip()
            if _length(joined, size) <= width:
                line = joined
                continue
            if line:
                lines.append(line)
            *full, line = _cut(word, size, width)
            lines.extend(full)
        lines.append(line)
    return lines


def _cut(word: str, size: int, width: int) -> list[str]:
    pieces = [""]
    for character in word:
        if pieces[-1] and _length(pieces[-1] + character, size) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces


def _length(text: str, size: int) -> int:
    return round(font(size).getlength(text))
