"""Any pixels to 8-bit RGB or RGBA in sRGB: palettes, grey, 16 bits, CMYK, Lab, and ICC profiles (ICC.1:2022)."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Literal

import numpy as np
from PIL import Image, ImageCms

from media.errors import InputError
from media.types import Notices

Profile = Literal["srgb", "keep"]

_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab "}
"""Of our modes, the signature that a fitting profile's header bears at byte 16."""

_ABSENT = (ValueError, OSError, ImageCms.PyCMSError)


def normal(image: Image.Image, profile: Profile, notices: Notices) -> tuple[Image.Image, bytes | None]:
    """The picture as RGB or RGBA of 8 bits, and the ICC profile that its numbers are meant in; None for sRGB.

    An alpha channel that hides nothing is left out. A profile is applied, or kept on request where its colours are
    RGB; one that is broken or meant for other pixels is passed over, with the notice `profile_ignored`.

    Raises:
        InputError: unsupported_pixels.
    """
    icc = image.info.get("icc_profile") or None
    if image.mode == "RGBA" and not icc and image.getchannel("A").getextrema() != (255, 255):
        return image, None
    plain, alpha = _split(image)
    if icc and not _fits(icc, plain.mode):
        notices.add("profile_ignored", "The colour profile does not belong to these pixels and was ignored.")
        icc = None
    if icc and plain.mode == "RGB" and (profile == "keep" or _is_srgb(icc)):
        return _join(plain, alpha), icc if profile == "keep" else None
    if icc or plain.mode == "LAB":
        plain = _to_srgb(plain, icc, notices)
    return _join(plain.convert("RGB"), alpha), None


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Colours as RGB, L, CMYK or LAB, and an alpha channel where something shows through."""
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        return _eight_bits(image), None
    if mode in {"RGB", "L", "CMYK", "LAB", "1", "YCbCr", "P"} and not image.has_transparency_data:
        keep = mode in {"RGB", "L", "CMYK", "LAB"}
        return image if keep else image.convert("L" if mode == "1" else "RGB"), None
    if not image.has_transparency_data and mode != "RGBX":
        raise InputError("unsupported_pixels", f"Pixels of the kind {mode} are not read.")
    whole = image.convert("RGBA")
    alpha = whole.getchannel("A")
    grey = mode in {"L", "LA", "La"}
    return whole.convert("L" if grey else "RGB"), alpha if alpha.getextrema() != (255, 255) else None


def _join(plain: Image.Image, alpha: Image.Image | None) -> Image.Image:
    if alpha is not None:
        plain = plain.copy()
        plain.putalpha(alpha)
    return plain


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits as 8, rounded."""
    if image.mode == "F":
        raise InputError("unsupported_pixels", "Pixels that are floating-point numbers are not read.")
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise InputError("unsupported_pixels", "Pixels of more than 16 bits are not read.")
    return Image.fromarray(((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8))


def _fits(icc: bytes, mode: str) -> bool:
    return len(icc) >= 128 and icc[36:40] == b"acsp" and icc[16:20].decode("latin-1") == _SPACES[mode]


def _is_srgb(icc: bytes) -> bool:
    try:
        name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(icc)))
    except _ABSENT:
        return False
    return name.strip().startswith("sRGB")


def _to_srgb(image: Image.Image, icc: bytes | None, notices: Notices) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(icc)) if icc else ImageCms.createProfile("LAB")
        made = ImageCms.profileToProfile(
            image,
            source,
            _srgb(),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except _ABSENT:
        notices.add("profile_ignored", "The colour profile is broken and was ignored.")
        return image
    assert made is not None, "only None in place"
    return made


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
