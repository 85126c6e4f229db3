"""Sprite sheet and WebVTT thumbnails track: small pictures at even distances, for scrubbing.

The cue text is `sprite.jpg#xywh=x,y,w,h` (a media fragment, https://www.w3.org/TR/media-frags/#naming-space), which
is what video players read from a `metadata` track of thumbnails.

A tile shows the keyframe nearest to its time where there is one within half the distance between tiles, and else the
picture on show (`media.glimpses`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from media.errors import InputError
from media.glimpses import Glimpses
from media.progress import Meter
from media.types import DEFAULT_LIMITS, Limits, Progress, no_progress
from media.upright import Upright, within

MOST_TILES = 100
COLUMNS = 10
TILE_WIDTH = 160
TILE_HEIGHT = 320
"""Portrait pictures get no higher than this, and then are narrower."""
SHORTEST = Fraction(1)
"""Seconds a tile stands for at least."""
_QUALITY = 80


def tile_size(width: Fraction | int, height: Fraction | int) -> tuple[int, int]:
    """Size of one tile for a picture of square pixels; never larger than the picture."""
    return within(TILE_WIDTH, TILE_HEIGHT)(Fraction(width), Fraction(height))


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


def draw(
    source: BinaryIO,
    picture: Path,
    track: Path,
    *,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 1,
    on_progress: Progress = no_progress,
) -> Sheet:
    """Write the sheet of `source` as a JPEG to `picture`, and its thumbnails track as WebVTT to `track`.

    Raises:
        InputError: as `open_source`, and no_video, unsupported_codec, damaged_file (nothing decodes).
    """
    meter = Meter(on_progress)
    with Glimpses(source, limits=limits, threads=threads, on_packet=meter.tick) as glimpses:
        duration = max(glimpses.timeline.duration, 1 / glimpses.timeline.rate)
        interval = max(duration / MOST_TILES, SHORTEST)
        count = math.ceil(duration / interval)
        meter.total = Fraction(count)
        place, tiles = Upright(glimpses.video, tile_size), list[Image.Image]()
        for number in range(count):
            shown = glimpses.near(number * interval, interval / 2)
            if shown is None:
                raise InputError("damaged_file", "The file is damaged: none of its frames can be decoded.")
            tiles.append(place(shown.frame))
            meter.report(Fraction(number + 1))
    sheet = _paste(tiles, interval, picture)
    track.write_text(sheet.vtt(picture.name, duration), encoding="utf-8")
    meter.finish()
    return sheet


def _paste(tiles: Sequence[Image.Image], interval: Fraction, path: Path) -> Sheet:
    (width, height), columns = tiles[0].size, min(COLUMNS, len(tiles))
    sheet = Sheet(len(tiles), columns, width, height, interval)
    picture = Image.new("RGB", (columns * width, math.ceil(len(tiles) / columns) * height))
    for number, tile in enumerate(tiles):
        picture.paste(tile, sheet.place(number))
    picture.save(path, "JPEG", quality=_QUALITY, optimize=True)
    return sheet


def _clock(milliseconds: int) -> str:
    whole, rest = divmod(milliseconds, 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{rest:03d}"
