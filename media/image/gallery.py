"""Draws every operation on a drawn picture, for docs/images.md: `python -m media.image.gallery docs/gallery/images`."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from PIL import Image, ImageDraw

from media.image.diagram import DIAGRAMS
from media.image.encode import Encoding
from media.image.lengths import Length
from media.image.operations import (
    Adjust,
    Background,
    Blur,
    Crop,
    Flip,
    Grayscale,
    Operation,
    Overlay,
    Pad,
    Pixelate,
    Region,
    Resize,
    Rotate,
    RoundCorners,
    Sharpen,
    Text,
)
from media.image.plan import Output
from media.image.render import render
from media.image.sample import scene

SIZE = 420, 280
_QUALITY = 72


def share(percent: int) -> Length:
    """A share of a side."""
    return Length(Fraction(percent, 100), relative=True)


def pixels(count: int) -> Length:
    """So many pixels."""
    return Length(Fraction(count))


def logo() -> Image.Image:
    """A mark to lay over a picture."""
    mark = Image.new("RGBA", (480, 160), (0, 0, 0, 0))
    pen = ImageDraw.Draw(mark)
    pen.rounded_rectangle((0, 0, 479, 159), 40, fill=(255, 255, 255, 235))
    pen.ellipse((30, 30, 130, 130), fill=(203, 62, 58, 255))
    pen.rectangle((165, 60, 440, 100), fill=(40, 60, 80, 255))
    return mark


_SIGN = Region(share(56), share(12), share(24), share(34))

SHEET: dict[str, Sequence[Operation]] = {
    "original": (),
    "crop": (Crop(width=share(50), height=share(60), x=share(40), y=share(5)),),
    "crop-center": (Crop(aspect=Fraction(3, 4)),),
    "crop-smart": (Crop(aspect=Fraction(3, 4), gravity="smart"),),
    "resize-inside": (Resize(width=240, height=240),),
    "resize-contain": (Resize(width=240, height=240, fit="contain", background="#203040"),),
    "resize-cover": (Resize(width=240, height=240, fit="cover", gravity="smart"),),
    "resize-fill": (Resize(width=240, height=240, fit="fill"),),
    "rotate": (Rotate(angle=Fraction(8), background="#203040"),),
    "flip": (Flip(),),
    "brightness": (Adjust(brightness=Fraction(13, 10)),),
    "contrast": (Adjust(contrast=Fraction(3, 2)),),
    "saturation": (Adjust(saturation=Fraction(9, 5)),),
    "gamma": (Adjust(gamma=Fraction(8, 5)),),
    "grayscale": (Grayscale(),),
    "sharpen": (Sharpen(amount=Fraction(6, 5)),),
    "blur": (Blur(radius=Fraction(6)),),
    "pixelate": (Pixelate(block=14, region=_SIGN),),
    "text": (Text(text="Above the hills", letters=share(10), plate="#00000080", position="bottom-left"),),
    "overlay": (Overlay(picture=logo(), width=share(34), position="bottom-right", opacity=Fraction(9, 10)),),
    "pad": (Pad(top=share(6), right=share(4), bottom=share(6), left=share(4), color="#203040"),),
    "background": (RoundCorners(radius=share(20)), Background(color="#f4ecdc")),
    "round": (RoundCorners(radius=share(20)),),
}
"""What is drawn, by the name of its file."""


def draw(folder: Path) -> None:
    """Write every picture of the sheet into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    # Drawn larger, so that it is as fine as a photo made small.
    source = scene(SIZE[0] * 2, SIZE[1] * 2).resize(SIZE, Image.Resampling.LANCZOS)
    file = io.BytesIO()
    source.save(file, "PNG")
    for name, operations in SHEET.items():
        with tempfile.TemporaryDirectory() as scratch:
            made = render(file, Path(scratch), [Output(name=name, encoding=Encoding(quality=_QUALITY))], operations)
            (folder / made.files[name].path.name).write_bytes(made.files[name].path.read_bytes())
    for name, diagram in DIAGRAMS.items():
        diagram().save(folder / f"{name}.webp", quality=_QUALITY, method=6)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
