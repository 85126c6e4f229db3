"""Pictures that move into a scene, each at its moment, with easing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from PIL import Image

from media.titling.colours import Rgb

Way = Literal["fade", "rise", "left", "right", "across", "back", "down", "middle"]
"""Fade in; rise or come from the left or the right a little while fading in; be uncovered from the left (across), from
the right (back), downwards or from the middle."""

USUAL = Fraction(6, 10)
Region = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""
_MIRRORED: dict[Way, Way] = {"left": "right", "right": "left", "across": "back", "back": "across"}


@dataclass(frozen=True, slots=True)
class Element:
    """An RGBA picture whose top left corner comes to (x, y), from `begin` seconds on for `length` seconds.

    What rises or comes from a side has `travel` pixels to go. Nothing is shown outside of `clip`, None for all.
    """

    picture: Image.Image
    x: int
    y: int
    begin: Fraction = Fraction(0)
    way: Way = "fade"
    length: Fraction = USUAL
    travel: int = 0
    clip: Region | None = None

    @property
    def reach(self) -> Region:
        """What it covers at any time."""
        x, y = self.x, self.y
        before = self.travel if self.way == "left" else 0
        after = self.travel if self.way == "right" else 0
        below = self.travel if self.way == "rise" else 0
        whole = x - before, y, x + self.picture.width + after, y + self.picture.height + below
        return whole if self.clip is None else _shared(whole, self.clip)

    def moved(self, across: int, down: int) -> Element:
        """The same at another place."""
        return replace(self, x=self.x + across, y=self.y + down, clip=_moved(self.clip, across, down))


def mirrored(elements: Sequence[Element], width: int) -> list[Element]:
    """The layout for what is read from right to left, on a surface of that width; pictures stay as they are."""
    return [
        replace(
            element,
            x=width - element.x - element.picture.width,
            way=_MIRRORED.get(element.way, element.way),
            clip=element.clip and (width - element.clip[2], element.clip[1], width - element.clip[0], element.clip[3]),
        )
        for element in elements
    ]


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
        reaches = [element.reach for element in self._elements]
        left, top = (max(min(reach[side] for reach in reaches), 0) for side in (0, 1))
        right, bottom = (min(max(reach[side + 2] for reach in reaches), self.size[side]) for side in (0, 1))
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
                part, x, y = _clipped(*_shown(element, shown), element.clip)
                _lay(picture, part, x - origin[0], y - origin[1])


def _eased(linear: Fraction) -> Fraction:
    """Ease out (cubic): quick at first, and slow at the end."""
    return 1 - (1 - linear) ** 3


def _shared(one: Region, other: Region) -> Region:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])


def _moved(region: Region | None, across: int, down: int) -> Region | None:
    return region and (region[0] + across, region[1] + down, region[2] + across, region[3] + down)


def _clipped(picture: Image.Image, x: int, y: int, clip: Region | None) -> tuple[Image.Image, int, int]:
    if clip is None:
        return picture, x, y
    left, top, right, bottom = _shared((x, y, x + picture.width, y + picture.height), clip)
    return picture.crop((left - x, top - y, max(right, left) - x, max(bottom, top) - y)), left, top


def _shown(element: Element, shown: Fraction) -> tuple[Image.Image, int, int]:
    """What is to be seen of an element that has come so far, and where."""
    picture, x, y = element.picture, element.x, element.y
    left = round(element.travel * (1 - shown))
    shifts: dict[Way, tuple[int, int]] = {"fade": (0, 0), "rise": (0, left), "left": (-left, 0), "right": (left, 0)}
    if element.way in shifts:
        across, down = shifts[element.way]
        return _faded(picture, shown), x + across, y + down
    wide, high = picture.size
    part = round(wide * shown)
    boxes: dict[Way, Region] = {
        "across": (0, 0, part, high),
        "back": (wide - part, 0, wide, high),
        "middle": ((wide - part) // 2, 0, (wide + part) // 2, high),
        "down": (0, 0, wide, round(high * shown)),
    }
    box = boxes[element.way]
    return picture.crop(box), x + box[0], y


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
