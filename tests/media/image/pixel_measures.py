"""Files of pictures, and what is measured on them with NumPy alone."""

from __future__ import annotations

import io
import struct
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms


def encoded(image: Image.Image, kind: str, **options) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return file


def psnr(one: Image.Image, other: Image.Image) -> float:
    """Decibels between two pictures of one size, over the channels of the first."""
    assert one.size == other.size
    first, second = (np.asarray(image.convert(one.mode), np.float64) for image in (one, other))
    error = np.mean((first - second) ** 2)
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


@lru_cache
def wide_gamut() -> bytes:
    """A profile with red and green exchanged, so that nobody can overlook whether it was applied."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {
        bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * struct.unpack_from(">I", profile, 128)[0], 12)
    }
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    profile[red + 4 : red + 12], profile[green + 4 : green + 12] = (
        profile[green + 4 : green + 12],
        profile[red + 4 : red + 12],
    )
    at, size = struct.unpack_from(">II", profile, tags[b"desc"] + 4)
    profile[at : at + size] = profile[at : at + size].replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))
    return bytes(profile)
