"""Draws what branding can do, for docs/brand.md: `python -m media.brand.gallery docs/gallery/brand`.

Every picture is one of a film that the engine has made.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Literal

import av
import numpy as np
from PIL import Image, ImageDraw

from media.brand import BrandSpec, ImageCard, LowerThird, TitleCard, Transition, Watermark, brand
from media.brand.spec import POSITIONS
from media.encode import Colour, Mp4Writer, VideoSpec
from media.image.sample import scene
from media.titling import CARD_TEMPLATES, LOWER_TEMPLATES

RATE = Fraction(25)
SECONDS = Fraction(4)
_GAP = 6
_QUALITY = 74
_SIZE = 800, 448
_HIGH = 280, 496
_SHRUNK = 2
"""Films are so many times as large as their pictures on the page: fonts are made for more than a stamp."""
_GREEN, _CREAM = "#0f2a26", "#f2e9d8"


def draw(folder: Path) -> None:
    """Write every sheet into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        studio = _Studio(Path(scratch))
        for name, tiles in (_titles(studio) | _overlays(studio) | _transitions(studio)).items():
            _sheet(tiles, columns=3 if len(tiles) % 3 == 0 else 2 if len(tiles) % 2 == 0 else 5).save(
                folder / f"{name}.webp", quality=_QUALITY, method=6
            )


class _Studio:
    """Makes films of some seconds, and takes pictures of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def shots(self, spec: BrandSpec, times: Sequence[Fraction], *, size: tuple[int, int] = _SIZE) -> list[Image.Image]:
        """The pictures on show at those times of the branded film."""
        target = self._folder / "made.mp4"
        with self._recording(size).open("rb") as file:
            brand(file, target, spec)
        with av.open(str(target)) as container:
            base = container.streams.video[0].time_base or Fraction(1)
            frames = [((frame.pts or 0) * base, frame) for frame in container.decode(video=0)]
            shown = [max((f for f in frames if f[0] <= time), key=lambda f: f[0])[1] for time in times]
            pictures = [Image.fromarray(frame.to_ndarray(format="rgb24")) for frame in shown]
            return [picture.reduce(_SHRUNK) for picture in pictures]

    def _recording(self, size: tuple[int, int]) -> Path:
        path = self._folder / f"{size[0]}.mp4"
        if not path.exists():
            still = scene(size[0] * 2, size[1] * 2).resize(size, Image.Resampling.LANCZOS).convert("RGB")
            spec = VideoSpec(
                width=size[0], height=size[1], time_base=Fraction(1, 12_800), rate=RATE, colour=Colour(1, 1, 1), crf=14
            )
            with Mp4Writer(path) as writer:
                track = writer.video(spec)
                for number in range(int(SECONDS * RATE)):
                    track.write(av.VideoFrame.from_ndarray(np.asarray(still), format="rgb24"), number / RATE)
        return path


def logo() -> BytesIO:
    """A mark on nothing, as PNG."""
    mark = Image.new("RGBA", (480, 160), (0, 0, 0, 0))
    pen = ImageDraw.Draw(mark)
    pen.ellipse((10, 10, 150, 150), fill=(240, 120, 60, 255))
    pen.polygon([(60, 50), (60, 110), (115, 80)], fill=(255, 255, 255, 255))
    pen.rounded_rectangle((180, 45, 470, 75), 12, fill=(255, 255, 255, 255))
    pen.rounded_rectangle((180, 95, 390, 115), 10, fill=(255, 255, 255, 190))
    file = BytesIO()
    mark.save(file, "PNG")
    return file


Tiles = list[Image.Image]


def _titles(studio: _Studio) -> dict[str, Tiles]:
    sheets: dict[str, Tiles] = {}
    for template in CARD_TEMPLATES:
        card = TitleCard(
            title="Spectral graphs",
            subtitle="Lecture 7 – Łukasz Żółw, Πανεπιστήμιο",
            template=template,
            background=_GREEN,
            duration=Fraction(3),
            logo=logo(),
        )
        moving = studio.shots(BrandSpec(intro=card), [Fraction(3, 10), Fraction(6, 10), Fraction(2)])
        sheets[f"title-{template}"] = moving
    high = [
        studio.shots(
            BrandSpec(intro=TitleCard(title="Tall", subtitle="is laid out anew", template=template, logo=logo())),
            [Fraction(2)],
            size=_HIGH,
        )[0]
        for template in CARD_TEMPLATES
    ]
    arabic = TitleCard(title="مرحبا بالعالم", subtitle="أهلا وسهلا", template="center")
    serif = TitleCard(title="Съешь ещё", subtitle="этих мягких булок", template="frame", font="serif")
    words = [studio.shots(BrandSpec(intro=card), [Fraction(2)])[0] for card in (arabic, serif)]
    light = [
        TitleCard(title="Spectral graphs", subtitle="Lecture 7", template=template, background=_CREAM, logo=logo())
        for template in CARD_TEMPLATES
    ]
    turned = [replace(arabic, template=template, logo=logo(), background=_GREEN) for template in CARD_TEMPLATES]
    return sheets | {
        "titles-high": high,
        "fonts": words,
        "titles-light": [studio.shots(BrandSpec(intro=card), [Fraction(2)])[0] for card in light],
        "titles-right": [studio.shots(BrandSpec(intro=card), [Fraction(2)])[0] for card in turned],
    }


def _overlays(studio: _Studio) -> dict[str, Tiles]:
    sheets: dict[str, Tiles] = {}
    for template in LOWER_TEMPLATES:
        third = LowerThird(
            title="Zoë Šimková",
            subtitle="Observatory",
            template=template,
            start=Fraction(0),
            end=SECONDS,
            background=_GREEN,
            logo=logo(),
        )
        times = [Fraction(3, 10), Fraction(6, 10), Fraction(2)]
        sheets[f"lower-{template}"] = studio.shots(BrandSpec(lower_thirds=(third,)), times)
        turned = replace(third, title="مرحبا بالعالم", subtitle="أهلا وسهلا", side="right")
        sheets.setdefault("lower-right", []).extend(studio.shots(BrandSpec(lower_thirds=(turned,)), times[2:]))
    anchors = [
        studio.shots(
            BrandSpec(watermark=Watermark(file=logo(), position=position, width=Fraction(24, 100))), [RATE / 25]
        )[0]
        for position in POSITIONS
    ]
    mark = Watermark(file=logo(), position="bottom-right", opacity=Fraction(1))
    kinds = [
        replace(mark, width=Fraction(12, 100)),
        replace(mark, width=Fraction(4, 10)),
        replace(mark, width=Fraction(24, 100), opacity=Fraction(3, 10)),
        replace(mark, width=Fraction(24, 100), margin=Fraction(15, 100), margin_y=Fraction(0)),
    ]
    sizes = [studio.shots(BrandSpec(watermark=kind), [Fraction(1)])[0] for kind in kinds]
    fading = replace(mark, width=Fraction(24, 100), start=Fraction(1), end=Fraction(3), fade_in=Fraction(1))
    moments = [Fraction(1, 2), Fraction(13, 10), Fraction(17, 10)]
    fades = studio.shots(BrandSpec(watermark=fading), moments)
    return sheets | {"watermark-position": anchors, "watermark-size": sizes, "watermark-fade": fades}


def _transitions(studio: _Studio) -> dict[str, Tiles]:
    card = TitleCard(title="The end", template="center", background=_GREEN, duration=Fraction(2))
    still = studio.shots(BrandSpec(intro=card), [Fraction(19, 10)])[0]
    file = BytesIO()
    still.save(file, "PNG")
    sheets: dict[str, Tiles] = {}
    ways: list[Literal["dissolve", "fade", "wipe", "slide"]] = ["dissolve", "fade", "wipe", "slide"]
    for way in ways:
        spec = BrandSpec(outro=ImageCard(file, Fraction(2)), transition=Transition(way, Fraction(1)))
        sheets[f"transition-{way}"] = studio.shots(spec, [Fraction(n, 10) for n in (32, 35, 38)])
    return sheets


def _sheet(tiles: Tiles, *, columns: int) -> Image.Image:
    """Pictures of one size side by side, in rows."""
    columns = min(columns, len(tiles))
    width, height = tiles[0].size
    rows = [*range(0, len(tiles), columns), len(tiles)]
    sheet = Image.new(
        "RGB", (columns * (width + _GAP) - _GAP, (len(rows) - 1) * (height + _GAP) - _GAP), (255, 255, 255)
    )
    for row, (first, last) in enumerate(pairwise(rows)):
        for column, tile in enumerate(tiles[first:last]):
            sheet.paste(tile, (column * (width + _GAP), row * (height + _GAP)))
    return sheet


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
