"""Still images as the rest of the engine sees them: a picture to draw with, and facts like those of a video."""

from __future__ import annotations

import os
from fractions import Fraction
from typing import BinaryIO

from PIL import Image

from media.facts import MediaInfo, VideoFacts
from media.image import decode
from media.image.facts import image_facts
from media.types import DEFAULT_LIMITS, Limits

# EXIF orientation (CIPA DC-008, 4.6.5.1.6): clockwise turn that shows the picture upright, after mirroring.
_ORIENTATIONS = {1: (0, False), 2: (0, True), 3: (180, False), 4: (180, True)} | {
    5: (270, True), 6: (90, False), 7: (90, True), 8: (270, False),
}  # fmt: skip
# Facts are read off a picture that need not be whole.
_FACTS_SIDE = 512


def open_image(source: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> Image.Image:
    """Open and decode an image: its first frame, upright, in RGB or RGBA, in sRGB.

    Raises:
        InputError: as `decode.open_image` and `ImageFile.still`.
    """
    return decode.open_image(source, limits).still().image


def probe(source: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> MediaInfo:
    """The facts of an image: one “video” stream, and what is known of pictures alone.

    Raises:
        InputError: as `open_image`.
    """
    file = decode.open_image(source, limits)
    frame = file.still(scale=min(Fraction(1), Fraction(_FACTS_SIDE, min(file.stored))))
    rotation, mirrored = _ORIENTATIONS[file.orientation]
    picture = VideoFacts(
        index=0,
        type="video",
        codec="mjpeg" if file.kind == "jpeg" else file.kind,
        default=True,
        width=file.stored[0],
        height=file.stored[1],
        display_width=file.width,
        display_height=file.height,
        rotation=rotation,
        mirrored=mirrored,
        frames=file.frames,
        pixel_format=file.mode.lower(),
        bit_depth=16 if file.mode.startswith("I") else 8,
    )
    return MediaInfo(
        kind="image",
        container=file.kind,
        size=source.seek(0, os.SEEK_END),
        video=0,
        streams=(picture,),
        image=image_facts(file, frame.image),
    )
