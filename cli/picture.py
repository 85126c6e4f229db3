"""Read the operations of an image as they are typed, and make them those of a request."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from cli.client import Json

PLACES = (
    "center", "top", "bottom", "left", "right", "top-left", "top-right", "bottom-left", "bottom-right",
)  # fmt: skip
GRAVITIES = (*PLACES, "smart", "face")
FITS = ("inside", "contain", "cover", "fill")
_PLACING = ("cover", "contain")

_LENGTH = r"\d+(?:\.\d+)?%?"
_ASPECT = re.compile(r"\d+(?:\.\d+)?[:/]\d+(?:\.\d+)?")
_BOX = re.compile(rf"({_LENGTH})?x({_LENGTH})?(?:\+({_LENGTH})\+({_LENGTH}))?")
_SIZE = re.compile(r"(\d+)?(?:x(\d+)?)?")


def crop(text: str) -> Json:
    """`16:9`, `800x600`, `50%x50%`, `800x600+10+20`; `@GRAVITY` says which part. Raises ValueError."""
    what, gravity = _at(text, GRAVITIES)
    made: Json = {"op": "crop"} | ({"gravity": gravity} if gravity else {})
    if _ASPECT.fullmatch(what):
        return made | {"aspect": what}
    match = _BOX.fullmatch(what)
    if match is None or not (match[1] or match[2]):
        raise ValueError(
            f"{text!r} is no crop: write 16:9, 800x600, 50%x50% or 800x600+10+20, and @{'|@'.join(GRAVITIES)}"
        )
    return made | _given(width=match[1], height=match[2], x=match[3], y=match[4])


def resize(text: str) -> Json:
    """`1600`, `x900`, `1600x900`; `@cover`, `@contain` or `@fill` for other fits, `@cover:GRAVITY` for what is kept.
    Raises ValueError."""
    what, at, how = text.rpartition("@")
    what, (fit, colon, gravity) = (what, how.partition(":")) if at else (text, ("", "", ""))
    match = _SIZE.fullmatch(what)
    if match is None or not (match[1] or match[2]):
        raise ValueError(f"{text!r} is no size: write 1600, x900 or 1600x900, and @{'|@'.join(FITS)}")
    if at and fit not in FITS:
        raise ValueError(f"{fit!r} is none of {', '.join(FITS)}")
    if colon and gravity not in GRAVITIES:
        raise ValueError(f"{gravity!r} is none of {', '.join(GRAVITIES)}")
    if colon and not (fit in _PLACING and match[1] and match[2]):
        raise ValueError(f"{text!r}: only what is to {' or '.join(_PLACING)} a width and a height has a gravity")
    sides = {name: int(side) for name, side in (("width", match[1]), ("height", match[2])) if side}
    return {"op": "resize", **sides} | _given(fit=fit or None, gravity=gravity or None)


def rotate(text: str) -> Json:
    """Degrees clockwise."""
    return {"op": "rotate", "angle": text}


def flip(text: str) -> Json:
    """An axis."""
    return {"op": "flip", "axis": text}


def adjust(name: str) -> Callable[[str], Json]:
    """One of the four that `adjust` knows."""
    return lambda text: {"op": "adjust", name: text}


def grayscale() -> Json:
    """Nothing to say."""
    return {"op": "grayscale"}


def sharpen(text: str) -> Json:
    """An amount."""
    return {"op": "sharpen", "amount": text}


def blur(text: str) -> Json:
    """`RADIUS` or `RADIUS@X,Y,WIDTH,HEIGHT`. Raises ValueError."""
    radius, region = _with_region(text)
    return {"op": "blur", "radius": radius} | region


def pixelate(text: str) -> Json:
    """`BLOCK` or `BLOCK@X,Y,WIDTH,HEIGHT`. Raises ValueError."""
    block, region = _with_region(text)
    if not block.isdecimal():
        raise ValueError(f"{text!r} is no pixelation: write the pixels of a block, and @X,Y,WIDTH,HEIGHT for a region")
    return {"op": "pixelate", "block": int(block)} | region


def words(text: str) -> Json:
    """`TEXT` or `TEXT@POSITION`."""
    what, position = _at(text, PLACES, others=True)
    return {"op": "text", "text": what} | ({"position": position} if position else {})


def overlay(text: str) -> Json:
    """`FILE` or `FILE@POSITION`; the file is an `asset` to be made."""
    what, position = _at(text, PLACES, others=True)
    return {"op": "overlay", "asset": what} | ({"position": position} if position else {})


def pad(text: str) -> Json:
    """`LENGTH` on all sides, or `LENGTH:COLOR`."""
    length, _, colour = text.partition(":")
    return {"op": "pad", **dict.fromkeys(("top", "right", "bottom", "left"), length)} | _given(color=colour or None)


def background(text: str) -> Json:
    """A colour."""
    return {"op": "background", "color": text}


def corners(text: str) -> Json:
    """A radius."""
    return {"op": "round", "radius": text}


def any_operation(text: str) -> Json:
    """An operation in the API's own JSON. Raises ValueError."""
    try:
        made = json.loads(text)
    except ValueError:
        made = None
    if not isinstance(made, dict) or "op" not in made:
        raise ValueError(f'{text!r} is no operation: write JSON such as {{"op": "flip", "axis": "vertical"}}')
    return made


def _at(text: str, known: tuple[str, ...], *, others: bool = False) -> tuple[str, str | None]:
    """Split `WHAT@WORD` at a word that is known; an unknown one is part of what was said, or a ValueError."""
    what, at, word = text.rpartition("@")
    if at and word in known:
        return what, word
    if at and not others:
        raise ValueError(f"{word!r} is none of {', '.join(known)}")
    return text, None


def _with_region(text: str) -> tuple[str, Json]:
    what, at, region = text.partition("@")
    if not at:
        return what, {}
    parts = [part.strip() for part in region.split(",")]
    if len(parts) != 4:
        raise ValueError(f"{region!r} is no region: write X,Y,WIDTH,HEIGHT in pixels or shares such as 25%")
    return what, {"region": dict(zip(("x", "y", "width", "height"), parts, strict=True))}


def _given(**values: str | None) -> Json:
    return {name: value for name, value in values.items() if value is not None}
