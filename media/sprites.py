"""Sprite sheet and WebVTT thumbnails track: small pictures at even distances, for scrubbing.

The cue text is `sprite.jpg#xywh=x,y,w,h` (a media fragment, https://www.w3.org/TR/media-frags/#naming-space), which
is what video players read from a `metadata` track of thumbnails.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image

from media.frames import even

MOST_TILES = 100
COLUMNS = 10
TILE_WIDTH = 160
TILE_HEIGHT = 320
"""Portrait pictures get no higher than this, and then are narrower."""
SHORTEST = Fraction(1)
"""Seconds a tile stands for at least."""
_QUALITY = 80


def tile_size(width: int, height: int) -> tuple[int, int]:
    """Size of one tile for a picture of square pixels; never larger than the picture."""
    scale = min(Fraction(TILE_WIDTH, width), Fraction(TILE_HEIGHT, height), Fraction(1))
    return even(width * scale), even(height * scale)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A finished sprite sheet: tile k shows the picture at k · `interval` seconds, row by row in `columns`."""

    tiles: int
    columns: int
    width: int
    height: int
    interval: Fraction

    def place(self, tile: int) -> tuple[int, int]:
        """Left and top of a tile in pixels."""
        return tile % self.columns * self.width, tile // self.columns * self.height

    def vtt(self, picture: str, duration: Fraction) -> str:
        """The thumbnails track over the picture file of that name; its cues cover [0, `duration`) without a gap."""
        total = math.ceil(duration * 1000)
        edges = [min(round(tile * self.interval * 1000), total - 1) for tile in range(self.tiles)] + [total]
        cues = [
            f"{_clock(edges[tile])} --> {_clock(edges[tile + 1])}\n"
            f"{picture}#xywh={','.join(map(str, (*self.place(tile), self.width, self.height)))}\n"
            for tile in range(self.tiles)
        ]
        return "\n".join(["WEBVTT\n", *cues])


class Sprites:
    """Collects tiles while frames go by, in memory that does not grow.

    `size` is the frames' (square pixels), `duration` what is expected in seconds. If more comes, every second tile is
    given up and the distance doubled.
    """

    def __init__(self, size: tuple[int, int], duration: Fraction) -> None:
        self._size = tile_size(*size)
        self._interval = max(duration / MOST_TILES, SHORTEST)
        self._tiles: list[npt.NDArray[np.uint8]] = []
        self._reformatter = VideoReformatter()

    def add(self, frame: av.VideoFrame, end: Fraction) -> None:
        """Take a frame that is on show from the end of the one before to `end` seconds."""
        tile: npt.NDArray[np.uint8] | None = None
        while len(self._tiles) * self._interval < end:
            if len(self._tiles) == MOST_TILES:
                self._tiles = self._tiles[::2]
                self._interval *= 2
                continue
            tile = self._shrunk(frame) if tile is None else tile
            self._tiles.append(tile)

    def save(self, path: Path) -> Sheet:
        """Write the sheet as a JPEG; at least one frame must have been added."""
        width, height = self._size
        columns = min(COLUMNS, len(self._tiles))
        sheet = Sheet(len(self._tiles), columns, width, height, self._interval)
        picture = Image.new("RGB", (columns * width, math.ceil(len(self._tiles) / columns) * height))
        for number, tile in enumerate(self._tiles):
            picture.paste(Image.fromarray(tile), sheet.place(number))
        picture.save(path, "JPEG", quality=_QUALITY, optimize=True)
        return sheet

    def _shrunk(self, frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
        small = self._reformatter.reformat(frame, *self._size, format="rgb24", interpolation=Interpolation.AREA)
        return small.to_ndarray().astype(np.uint8, copy=False)


def _clock(milliseconds: int) -> str:
    whole, rest = divmod(milliseconds, 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{rest:03d}"
