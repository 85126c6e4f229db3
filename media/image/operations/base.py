"""What every operation has: the size that it makes, and its effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PIL import Image, ImageColor

from media.types import Notices

Effect = Callable[[Image.Image], Image.Image]

TRANSPARENT = "transparent"


class Operation(Protocol):
    """One step on a picture in RGB or RGBA.

    `size` tells the size of its result before anything is drawn. `effect` is given the first frame, where it may look
    for what matters and draw what does not change, and returns what is then done to every frame; what the user should
    know of that goes to `notices`.
    """

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height that a picture of these comes out with. Raises InputError if it makes no sense for one."""
        ...

    def effect(self, first: Image.Image, notices: Notices) -> Effect:
        """What to do to each frame."""
        ...


class SameSize:
    """An operation that leaves the size alone."""

    __slots__ = ()

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The same."""
        return width, height


def paint(colour: str) -> tuple[int, int, int, int]:
    """RGBA of `#rrggbb`, `#rrggbbaa` or `transparent` (which is white that is not there)."""
    if colour == TRANSPARENT:
        return 255, 255, 255, 0
    found = ImageColor.getcolor(colour, "RGBA")
    assert isinstance(found, tuple)
    return found[0], found[1], found[2], found[3] if len(found) > 3 else 255


def canvas(size: tuple[int, int], colour: str, like: Image.Image) -> Image.Image:
    """An even picture: RGBA if the colour lets something through or `like` does, else RGB."""
    red, green, blue, alpha = paint(colour)
    if alpha < 255 or like.mode == "RGBA":
        return Image.new("RGBA", size, (red, green, blue, alpha))
    return Image.new("RGB", size, (red, green, blue))


def put(under: Image.Image, over: Image.Image, corner: tuple[int, int]) -> Image.Image:
    """`over` laid on a copy of `under`, its top left corner at `corner`; what reaches out is cut off."""
    made = under.copy()
    if over.mode == "RGB":
        made.paste(over, corner)
    elif made.mode == "RGB":
        made.paste(over.convert("RGB"), corner, over.getchannel("A"))
    else:
        layer = Image.new("RGBA", made.size, (0, 0, 0, 0))
        layer.paste(over, corner)
        made.alpha_composite(layer)
    return made


def colours_only(image: Image.Image, change: Effect) -> Image.Image:
    """Change the colours and leave the alpha channel as it is."""
    if image.mode != "RGBA":
        return change(image)
    made = change(image.convert("RGB"))
    made.putalpha(image.getchannel("A"))
    return made


def premultiplied(image: Image.Image, change: Effect) -> Image.Image:
    """Change a picture whose pixels mix with their neighbours: what is transparent must not lend its colour."""
    return change(image.convert("RGBa")).convert("RGBA") if image.mode == "RGBA" else change(image)
