"""Pictures that move into a scene, each at its moment, with easing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from PIL import Image

from media.titling.colours import Rgb

Way = Literal["fade", "rise", "left", "across", "down", "middle"]
"""Fade in; rise or come from the left a little while fading in; be uncovered across, downwards or from the middle."""

USUAL = Fraction(6, 10)
_WAY_TO_GO = Fraction(35, 100)
"""How far what rises or comes from the left has to go, as a share of its height."""

Region = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""


@dataclass(frozen=True, slots=True)
class Element:
    """An RGBA picture whose top left corner comes to (x, y), from `begin` seconds on for `length` seconds."""

    picture: Image.Image
    x: int
    y: int
    begin: Fraction = Fraction(0)
    way: Way = "fade"
    length: Fraction = USUAL


class Scene:
    """Elements over a ground of `size` (width, height), or over nothing.

    `pace` stretches time; `settled` is when everything has come, in seconds, after which the picture stays the same.
    """

    def __init__(
        self, size: tuple[int, int], background: Rgb | None, elements: Sequence[Element], *, pace: Fraction
    ) -> None:
        self.size, self.background = size, background
        self._elements, self._pace = tuple(elements), pace

    @property
    def settled(self) -> Fraction:
        return max(element.begin + element.length for element in self._elements) * self._pace

    @property
    def region(self) -> Region:
        """What the elements cover, on even pixels, at any time."""
        ends = [(e.x + e.picture.width, e.y + e.picture.height + _distance(e)) for e in self._elements]
        left = max(min(e.x - _distance(e) for e in self._elements), 0)
        top = max(min(e.y for e in self._elements), 0)
        right = min(max(end[0] for end in ends), self.size[0])
        bottom = min(max(end[1] for end in ends), self.size[1])
        return left // 2 * 2, top // 2 * 2, -(-right // 2) * 2, -(-bottom // 2) * 2

    def at(self, time: Fraction) -> Image.Image:
        """The RGB picture at a time, over the ground."""
        picture = Image.new("RGBA", self.size, (*(self.background or (0, 0, 0)), 255))
        self._draw(picture, time, (0, 0))
        return picture.convert("RGB")

    def layer(self, time: Fraction) -> Image.Image:
        """The RGBA picture of the region at a time, over nothing."""
        left, top, right, bottom = self.region
        picture = Image.new("RGBA", (right - left, bottom - top), (0, 0, 0, 0))
        self._draw(picture, time, (left, top))
        return picture

    def _draw(self, picture: Image.Image, time: Fraction, origin: tuple[int, int]) -> None:
        for element in self._elements:
            linear = (time / self._pace - element.begin) / element.length
            shown = _eased(min(max(linear, Fraction(0)), Fraction(1)))
            if shown > 0:
                part, x, y = _shown(element, shown)
                _lay(picture, part, x - origin[0], y - origin[1])


def _eased(linear: Fraction) -> Fraction:
    """Ease out (cubic): quick at first, and slow at the end."""
    return 1 - (1 - linear) ** 3


def _distance(element: Element) -> int:
    return round(element.picture.height * _WAY_TO_GO) if element.way in {"rise", "left"} else 0


def _shown(element: Element, shown: Fraction) -> tuple[Image.Image, int, int]:
    """What is to be seen of an element that has come so far, and where."""
    picture, x, y = element.picture, element.x, element.y
    left = round(_distance(element) * (1 - shown))
    match element.way:
        case "fade":
            return _faded(picture, shown), x, y
        case "rise":
            return _faded(picture, shown), x, y + left
        case "left":
            return _faded(picture, shown), x - left, y
        case "across":
            return picture.crop((0, 0, round(picture.width * shown), picture.height)), x, y
        case "down":
            return picture.crop((0, 0, picture.width, round(picture.height * shown))), x, y
        case "middle":
            gone = round(picture.width * (1 - shown) / 2)
            return picture.crop((gone, 0, picture.width - gone, picture.height)), x + gone, y


def _faded(picture: Image.Image, amount: Fraction) -> Image.Image:
    if amount == 1:
        return picture
    faded = picture.copy()
    faded.putalpha(picture.getchannel("A").point([round(value * amount) for value in range(256)]))
    return faded


def _lay(ground: Image.Image, picture: Image.Image, x: int, y: int) -> None:
    """Lay a picture over another, cut off where it leaves it."""
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + picture.width, ground.width), min(y + picture.height, ground.height)
    if right > left and bottom > top:
        ground.alpha_composite(picture.crop((left - x, top - y, right - x, bottom - y)), (left, top))
