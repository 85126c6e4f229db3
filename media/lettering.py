"""Type for rendered pictures: setting text, what cannot be written, and the fitting of text into a box.

Fonts come as packages (`media.fonts`), so a picture is the same on every machine. What none of them can write would
show as an empty box, so such text is refused, never drawn.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from media.errors import InputError
from media.fonts import FAMILIES, Family, can_order, truetype

LEADING = 6, 5
"""Line height as a ratio of the font size."""
_WIDE_LEADING = 3, 2
"""Of scripts whose letters reach farther above and below the line."""

_PROBE_SIZE = 40
_NONCHARACTER = "\uffff"
"""A code point that Unicode promises never to assign: every font draws its `.notdef` glyph for it."""
_RIGHT_TO_LEFT = frozenset({"R", "AL"})
_NO_LETTERS = frozenset({"Cc", "Cn", "Co", "Cs"})
"""Control characters, and what Unicode has not given a meaning."""
_UNSEEN = frozenset({"\u200c", "\u200d", "\u200e", "\u200f"})
"""Joiners and direction marks: they have no glyph in a font, and need none."""


@dataclass(frozen=True)
class Style:
    """A family by name and a weight of 300 (light) to 800 (heavy); 400 is regular."""

    family: Family = "sans"
    weight: int = 400


PLAIN = Style()
Align = Literal["start", "center", "left", "right"]


@lru_cache(maxsize=64)
def font(size: int, file: str, weight: int = 400) -> ImageFont.FreeTypeFont:
    """A font file at `size` pixels."""
    return truetype(file, size, weight)


@lru_cache(maxsize=8192)
def _drawable(character: str, file: str) -> bool:
    if unicodedata.category(character) in _NO_LETTERS:
        return False
    return character in _UNSEEN or _glyph(character, file) != _glyph(_NONCHARACTER, file)


def _glyph(character: str, file: str) -> tuple[tuple[int, int], bytes]:
    mask = font(_PROBE_SIZE, file).getmask(character)
    return mask.size, bytes(mask)


def file_for(text: str, family: Family) -> str | None:
    """The first font file of a family that can write all of a text."""
    return next((file for file in FAMILIES[family] if all(c == "\n" or _drawable(c, file) for c in text)), None)


def clean_text(text: str, family: Family = "sans") -> str:
    """Text in composed form, with line breaks kept and other runs of white space made one space.

    Raises InputError `unsupported_text`, which names the characters that no font of the family can draw.
    """
    lines = (" ".join(line.split()) for line in unicodedata.normalize("NFC", text).splitlines())
    kept = "\n".join(lines).strip("\n")
    if file_for(kept, family) is None:
        _refuse(kept, family)
    if runs_left(kept) and not can_order():
        raise InputError("unsupported_text", "This server cannot set text that runs from right to left.")
    return kept


def _refuse(text: str, family: Family) -> None:
    used = dict.fromkeys(c for c in text if c != "\n")
    missing = [c for c in used if not any(_drawable(c, file) for file in FAMILIES[family])]
    if not missing:
        raise InputError(
            "unsupported_text",
            "No font has all the scripts of this text: Arabic goes with Latin letters, not with Greek or Cyrillic.",
        )
    named = ", ".join(_name(character) for character in missing[:10])
    raise InputError("unsupported_text", f"The fonts cannot write {named}. Leave these characters out.")


def _name(character: str) -> str:
    code = f"U+{ord(character):04X}"
    return f"{character} ({code})" if character.isprintable() else code


def reads_left(text: str) -> bool:
    """Whether a text is read from right to left: by its first letter that has a direction (UAX #9, P2 and P3)."""
    directions = (unicodedata.bidirectional(character) for character in text)
    return next((way in _RIGHT_TO_LEFT for way in directions if way in {"L", *_RIGHT_TO_LEFT}), False)


def runs_left(text: str) -> bool:
    """Whether a text has letters of a script that runs from right to left."""
    return any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text)


@dataclass(frozen=True)
class Block:
    """Lines of text set in one font size; `width` and `height` in pixels, nothing of a letter is outside."""

    lines: tuple[str, ...]
    size: int
    width: int
    file: str
    weight: int = 400

    @property
    def font(self) -> ImageFont.FreeTypeFont:
        """The font that it is set in."""
        return font(self.size, self.file, self.weight)

    @property
    def leading(self) -> int:
        """Distance in pixels from one baseline to the next."""
        ratio = _WIDE_LEADING if any(runs_left(line) for line in self.lines) else LEADING
        return self.size * ratio[0] // ratio[1]

    @property
    def height(self) -> int:
        # Lines stand closer than a font's letters are high: the last one needs all of its room.
        return self.leading * (len(self.lines) - 1) + max(self.leading, sum(self.font.getmetrics()))

    def draw(self, mask: Image.Image, x: int, y: int, *, align: Align = "start") -> None:
        """Write the lines in white on an `L` picture, the block's top left corner at (x, y).

        By `start`, lines start where their script does: on the left, or on the right of the block.
        """
        pen = ImageDraw.Draw(mask)
        ascent, descent = self.font.getmetrics()
        inset = max((self.leading - ascent - descent) // 2, 0)
        for row, line in enumerate(self.lines):
            room = self.width - round(self.font.getlength(line))
            on_right = align == "right" or (align == "start" and runs_left(line))
            left = x + (room // 2 if align == "center" else room if on_right else 0)
            pen.text((left, y + row * self.leading + inset), line, font=self.font, fill=255)


def set_block(text: str, size: int, width: int, style: Style = PLAIN) -> Block:
    """Break `text` into the fewest lines of at most `width` pixels, then make the lines as even as that allows."""
    file = file_for(text, style.family) or FAMILIES[style.family][0]
    face = font(size, file, style.weight)
    lines = _wrap(text, face, width)
    low, high = min(width, max(_length(word, face) for word in text.split() or [""])), width
    while low < high:  # the narrowest measure that still needs no more lines
        middle = (low + high) // 2
        if len(_wrap(text, face, middle)) <= len(lines):
            high = middle
        else:
            low = middle + 1
    even = _wrap(text, face, high)
    return Block(tuple(even), size, max((_length(line, face) for line in even), default=0), file, style.weight)


def fit_block(
    text: str,
    *,
    size: int,
    width: int,
    height: int,
    max_lines: int,
    long_words: Literal["cut", "refuse"],
    style: Style = PLAIN,
) -> Block | None:
    """The block in `size`, or None if it leaves the box; words longer than a line are cut or leave the box too."""
    face = font(size, file_for(text, style.family) or FAMILIES[style.family][0], style.weight)
    if long_words == "refuse" and any(_length(word, face) > width for word in text.split()):
        return None
    # Far too much is told without breaking it into lines.
    if sum(_length(paragraph, face) for paragraph in text.split("\n")) > max_lines * width:
        return None
    block = set_block(text, size, width, style)
    return block if block.height <= height and len(block.lines) <= max_lines else None


def _wrap(text: str, face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            joined = f"{line} {word}".strip()
            if _length(joined, face) <= width:
                line = joined
                continue
            if line:
                lines.append(line)
            *full, line = _cut(word, face, width)
            lines.extend(full)
        lines.append(line)
    return lines


def _cut(word: str, face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    pieces = [""]
    for character in word:
        if pieces[-1] and _length(pieces[-1] + character, face) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces


def _length(text: str, face: ImageFont.FreeTypeFont) -> int:
    return round(face.getlength(text))
