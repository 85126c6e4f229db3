"""The only way an image is opened: by content, within limits that are checked before a pixel is decoded.

Each kind is read by the one plugin meant for it, never by guess: Pillow alone would try some forty.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

import pillow_heif
from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import Base

from media import boxes
from media.errors import InputError
from media.image import colour, gif
from media.image.formats import ANIMATED, PLUGINS, kind_of
from media.types import DEFAULT_LIMITS, Limits, Notices

pillow_heif.register_heif_opener(thumbnails=False)

READS = "Images are read as JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC."

# What plugins raise for broken data, as Pillow's and libheif's sources and mutated files have shown.
_DAMAGED = (
    SyntaxError, ValueError, EOFError, RuntimeError, IndexError, KeyError, TypeError, OverflowError, struct.error,
    zlib.error,
)  # fmt: skip

# Kinds whose plugin holds nothing more of the file than `info` once a still is loaded: it need not be copied.
_DETACHED = {"jpeg", "png", "webp"}

# Kinds that are ISO media files, whose boxes say how long they are.
_BOXED = {"heif", "avif"}

# EXIF orientation (CIPA DC-008, 4.6.5.1.6): what shows the stored picture upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture: upright, RGB or RGBA, in sRGB unless `icc` says otherwise; `duration` in milliseconds."""

    image: Image.Image
    icc: bytes | None
    duration: int


class ImageFile:
    """An image whose header was found good; made by `open_image`.

    `kind` is one of `formats.PLUGINS`, `frames` the moments of an animation (1 for a still), `width` × `height` the
    upright picture in pixels, `mode` the stored pixels in Pillow's words, `loop` how often an animation plays (0 for
    ever), and `exif` holds the tags, none where they cannot be read.
    """

    def __init__(self, data: bytes, kind: str, limits: Limits) -> None:
        self.kind = kind
        self.bytes = len(data)
        self._limits = limits
        self._data = data
        self.frames = gif.count_frames(data, limits.max_image_frames) if kind == "gif" else 1
        with damage():
            image = self._open()
            if kind in ANIMATED - {"gif"}:
                self.frames = int(getattr(image, "n_frames", 1))
            # A PNG may have a picture for those who know no animation, which is none of its frames.
            self._before = int(self.frames > 1 and bool(image.info.get("default_image")))
            self.frames -= self._before
            self.mode = image.mode
            self.stored = self.width, self.height = image.size
            # Before the tags are read: those of a PNG may stand behind its pixels, which are then decoded.
            self._check()
        self._unused: Image.Image | None = image
        try:
            self.exif = image.getexif()
        except (*_DAMAGED, OSError):
            # What looked for tags and broke off may be half decoded.
            self.exif, self._unused = Image.Exif(), None
        self.orientation = 1 if kind == "tiff" else _orientation(self.exif)
        if self.orientation > 4:
            self.width, self.height = self.stored[::-1]
        self.loop = int(image.info.get("loop", 1 if kind == "gif" else 0))

    @property
    def animated(self) -> bool:
        """Whether there is more than one moment."""
        return self.frames > 1

    def still(
        self, *, profile: colour.Profile = "srgb", scale: Fraction = Fraction(1), notices: Notices | None = None
    ) -> Frame:
        """Decode the first frame.

        A JPEG may come smaller, by 2, 4 or 8, but not below `scale` of its size: its decoder then leaves out what the
        smaller picture does not need.

        Raises:
            InputError: damaged_file, unsupported_pixels.
        """
        with damage():
            image = self._take()
            if self.kind == "jpeg":
                divisor = next((by for by in (8, 4, 2) if scale * by <= 1 and min(image.size) >= by), 1)
                image.draft(None, (image.width // divisor, image.height // divisor))
            return self._frame(image, profile, notices or Notices())

    def moments(self, *, profile: colour.Profile = "srgb", notices: Notices | None = None) -> Iterator[Frame]:
        """Decode every frame in order, each complete (what a viewer shows at that moment).

        Raises:
            InputError: as `still`.
        """
        told = notices or Notices()
        with damage():
            image = self._take()
        for index in range(self.frames):
            with damage():
                if index + self._before:
                    image.seek(index + self._before)
                frame = self._frame(image, profile, told)
            yield frame

    def _take(self) -> Image.Image:
        """The image that the header was read from, then others: one that is decoded cannot be decoded otherwise."""
        image, self._unused = self._unused or self._open(), None
        return image

    def _open(self) -> Image.Image:
        return Image.open(io.BytesIO(self._data), formats=[PLUGINS[self.kind]])

    def _frame(self, image: Image.Image, profile: colour.Profile, notices: Notices) -> Frame:
        image.load()
        upright = image.transpose(_UPRIGHT[self.orientation]) if self.orientation in _UPRIGHT else image
        if upright is not image:
            # A turned picture has lost what only the file object knew.
            upright.info = image.info
        plain, icc = colour.normal(upright, profile, notices)
        # A picture that knows nothing of its file: Pillow's writers would pass on comments, XMP and the like.
        if plain is image and (self.animated or self.kind not in _DETACHED):
            plain = plain.copy()
        plain.info = {}
        return Frame(plain, icc, round(image.info.get("duration", 0) or 0))

    def _check(self) -> None:
        limits = self._limits
        if self.width * self.height > limits.max_image_pixels:
            raise too_many_pixels(limits)
        if self.frames > limits.max_image_frames:
            raise InputError("too_many_frames", f"The image has more than {limits.max_image_frames} frames.")
        if self.animated and self.frames * self.width * self.height > limits.max_animation_pixels:
            raise InputError(
                "too_many_pixels", f"All frames together have more than {limits.max_animation_pixels} pixels."
            )


def open_image(source: BinaryIO, limits: Limits = DEFAULT_LIMITS) -> ImageFile:
    """Read an image's header and check it; no pixel is decoded.

    Raises:
        InputError: empty_file, unsupported_format, too_many_bytes, too_many_pixels, too_many_frames, damaged_file.
    """
    source.seek(0)
    head = source.read(64)
    if not head:
        raise InputError("empty_file", "The file is empty.")
    kind = kind_of(head)
    if kind is None:
        raise InputError("unsupported_format", f"This is not an image that can be opened. {READS}")
    data = head + source.read(limits.max_image_bytes - len(head) + 1)
    if len(data) > limits.max_image_bytes:
        raise InputError("too_many_bytes", f"The image is larger than {limits.max_image_bytes} bytes.")
    if kind in _BOXED and any(box.end > len(data) for box in boxes.top_level(io.BytesIO(data))):
        # libheif would show what is missing as a green picture.
        raise InputError("damaged_file", "The image is cut off.")
    return ImageFile(data, kind, limits)


def too_many_pixels(limits: Limits) -> InputError:
    """The refusal of a picture that is too large."""
    return InputError("too_many_pixels", f"The image has more than {limits.max_image_pixels} pixels.")


@contextmanager
def damage() -> Iterator[None]:
    """Turn what Pillow and libheif raise for broken data into InputError."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise InputError("too_many_pixels", "The image has more pixels than can be opened.") from error
    except UnidentifiedImageError as error:
        raise InputError("damaged_file", "The image is damaged: its header cannot be read.") from error
    except OSError as error:
        # Broken data comes as a plain OSError without a number.
        if type(error) is OSError and error.errno is None:
            raise InputError("damaged_file", "The image is damaged or cut off.") from error
        raise
    except _DAMAGED as error:
        raise InputError("damaged_file", "The image is damaged.") from error


def _orientation(exif: Image.Exif) -> int:
    """Broken EXIF turns nothing."""
    found = exif.get(Base.Orientation, 1)
    return found if found in _UPRIGHT else 1
