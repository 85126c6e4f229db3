"""The facts of an image: what can be said of it without a person."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from PIL import Image
from PIL.ExifTags import IFD, Base

from media.errors import InputError
from media.facts import ImageFacts
from media.image import exif
from media.image.decode import ImageFile, damage
from media.image.fingerprint import difference_hash, perceptual_hash
from media.image.thumbhash import thumbhash

_SIDE = 256
_COLOURS = 8
_SEEN = 128
"""From this alpha on a pixel counts."""


def image_facts(file: ImageFile, picture: Image.Image) -> ImageFacts:
    """The facts of a file and its first frame, decoded upright in sRGB at any size."""
    small = picture.copy()
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    try:
        with damage():
            made = _made_by(file)
    except InputError:
        # Tags that cannot be read say nothing; the picture is good.
        made = {}
    return ImageFacts(
        frames=file.frames,
        transparent=picture.mode == "RGBA",
        dominant_colour=dominant_colour(small),
        thumbhash=base64.b64encode(thumbhash(small)).decode(),
        perceptual_hash=perceptual_hash(small),
        difference_hash=difference_hash(small),
        **made,
    )


def dominant_colour(image: Image.Image) -> str | None:
    """The mean of the largest of eight groups of colours, as `#rrggbb`; None where nothing is opaque."""
    pixels = np.asarray(image.convert("RGBA")).reshape(-1, 4)
    seen = pixels[pixels[:, 3] >= _SEEN, :3]
    if not len(seen):
        return None
    row = Image.fromarray(np.ascontiguousarray(seen[None]))
    groups = np.asarray(row.quantize(_COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE))[0]
    mean = seen[groups == np.bincount(groups).argmax()].mean(0).round().astype(int)
    return "#" + "".join(f"{value:02x}" for value in mean)


def _made_by(file: ImageFile) -> dict[str, Any]:
    tags = file.exif
    return {
        "camera_make": exif.text(tags, Base.Make),
        "camera_model": exif.text(tags, Base.Model),
        "lens": exif.text(tags.get_ifd(IFD.Exif), Base.LensModel),
        "taken_at": exif.taken_at(tags),
        "location": exif.location(tags),
    }
