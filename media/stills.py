"""A few pictures of a file, for eyes that do not watch recordings."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import BinaryIO

import av
from PIL import Image

from media import images
from media.decode import Picture, Reader
from media.frames import BT709, Canvas, Placer, even, sane_aspect
from media.orientation import Orientation
from media.probe import display_matrix
from media.source import is_image
from media.types import DEFAULT_LIMITS, Limits, Progress, no_progress

LONG_SIDE = 1024
SHORT_SIDE = 64
"""Services do not take pictures with a side of less than 50 pixels: smaller ones stand on black."""
_QUALITY = 85


def stills(
    source: BinaryIO, count: int, *, limits: Limits = DEFAULT_LIMITS, on_progress: Progress = no_progress
) -> list[bytes]:
    """Return up to `count` JPEG files of `source`, upright, 64 to 1,024 pixels wide and high.

    Of a recording they are spread evenly, each in the middle of its share; of an image there is one, of sound none.

    Raises:
        InputError: as `open_source` and `media.images.open_image`.
        ValueError: `count` is less than 1.
    """
    if count < 1:
        raise ValueError("at least one still is asked for")
    if is_image(source):
        return [_jpeg(images.open_image(source, limits).convert("RGB"))]
    with Reader(source, limits=limits, sound="none") as reader:
        first = reader.first_picture()
        if first is None:
            return []
        look = _placer(first, reader.timeline.video)
        made, length = [], 1 / reader.timeline.rate
        duration = max(reader.timeline.duration, length)
        for number in range(count):
            middle = duration * (2 * number + 1) / (2 * count)
            shown = next(reader.read(middle, middle + length, never_empty=True), None)
            if isinstance(shown, Picture):
                made.append(_jpeg(Image.fromarray(look(shown.frame).to_ndarray(format="rgb24"))))
            on_progress(Fraction(number + 1, count))
    return made


def _placer(frame: av.VideoFrame, video: av.VideoStream | None) -> Placer:
    aspect = sane_aspect(None if video is None else video.sample_aspect_ratio)
    wide, high = Orientation.of(display_matrix(frame)).size(frame.width, frame.height)
    shape = 1 / aspect if (wide, high) != (frame.width, frame.height) else aspect
    longer = max(wide * shape, Fraction(high))
    scale = min(LONG_SIDE / longer, Fraction(1))
    canvas = Canvas(width=even(wide * shape * scale), height=even(high * scale), colour=BT709)
    return Placer(canvas, sample_aspect=aspect)


def _jpeg(image: Image.Image) -> bytes:
    image.thumbnail((LONG_SIDE, LONG_SIDE))
    if min(image.size) < SHORT_SIDE:
        ground = Image.new("RGB", (max(image.width, SHORT_SIDE), max(image.height, SHORT_SIDE)))
        ground.paste(image, ((ground.width - image.width) // 2, (ground.height - image.height) // 2))
        image = ground
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
