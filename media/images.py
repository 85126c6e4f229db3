"""Still images, through Pillow: JPEG, PNG and WebP."""

from __future__ import annotations

import os
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import Base

from media.errors import InputError
from media.facts import MediaInfo, VideoFacts
from media.types import DEFAULT_LIMITS, Limits

FORMATS = ("JPEG", "PNG", "WEBP")

# EXIF orientation (CIPA DC-008, 4.6.5.1.6): clockwise turn that shows the picture upright, after mirroring.
_ORIENTATIONS = {1: (0, False), 2: (0, True), 3: (180, False), 4: (180, True)} | {
    5: (270, True), 6: (90, False), 7: (90, True), 8: (270, False),
}  # fmt: skip


def open_image(source: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> Image.Image:
    """Open and decode an image, not yet turned upright (`PIL.ImageOps.exif_transpose` does that).

    Raises:
        InputError: unsupported_format, too_many_pixels, damaged_file.
    """
    source.seek(0)
    try:
        image = Image.open(source, formats=FORMATS)
        if image.width * image.height > limits.max_pixels:
            raise _too_large(limits)
        image.load()
    except Image.DecompressionBombError as error:
        raise _too_large(limits) from error
    except UnidentifiedImageError as error:
        raise InputError("unsupported_format", "Images are read as JPEG, PNG or WebP; convert this one.") from error
    except (SyntaxError, ValueError, EOFError) as error:
        raise InputError("damaged_file", "The image is damaged.") from error
    except OSError as error:
        # Pillow reports broken data as a plain OSError without a number; a storage error has one or its own class.
        if type(error) is OSError and error.errno is None:
            raise InputError("damaged_file", "The image is damaged or cut off.") from error
        raise
    return image


def probe(source: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> MediaInfo:
    """The facts of an image: one “video” stream of one frame.

    Raises:
        InputError: as `open_image`.
    """
    image = open_image(source, limits)
    rotation, mirrored = _ORIENTATIONS.get(image.getexif().get(Base.Orientation, 1), (0, False))
    turned = rotation % 180 == 90
    kind = (image.format or "").lower()
    picture = VideoFacts(
        index=0,
        type="video",
        codec="mjpeg" if kind in {"jpeg", "mpo"} else kind,
        default=True,
        width=image.width,
        height=image.height,
        display_width=image.height if turned else image.width,
        display_height=image.width if turned else image.height,
        rotation=rotation,
        mirrored=mirrored,
        frames=1,
        pixel_format=image.mode.lower(),
        bit_depth=16 if image.mode.startswith("I") else 8,
    )
    return MediaInfo(kind="image", container=kind, size=source.seek(0, os.SEEK_END), video=0, streams=(picture,))


def _too_large(limits: Limits) -> InputError:
    return InputError("too_many_pixels", f"The image has more than {limits.max_pixels} pixels.")
