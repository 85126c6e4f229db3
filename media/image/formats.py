"""What kind of image a file is, by its first bytes; its name is never asked.

Signatures: JPEG ISO/IEC 10918-1 B.1.1.3, PNG (W3C) 5.2, GIF89a 17, TIFF 6.0 section 2, WebP RFC 9649 2.4, BMP's
BITMAPFILEHEADER, and the brands of ISO/IEC 23008-12 (HEIF) and of the AVIF specification.
"""

from __future__ import annotations

_STARTS = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
    b"II*\x00": "tiff",
    b"MM\x00*": "tiff",
    b"BM": "bmp",
}
_BRANDS = {b"avif": "avif", b"avis": "avif"} | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "heif"
)
PLUGINS = {
    "jpeg": "JPEG", "png": "PNG", "gif": "GIF", "tiff": "TIFF", "webp": "WEBP", "bmp": "BMP", "avif": "AVIF",
    "heif": "HEIF",
}  # fmt: skip
"""Pillow's name of the one plugin that may read each kind."""

ANIMATED = {"gif", "webp", "avif", "png"}
"""Kinds whose frames are moments. The pages of a TIFF and the items of a HEIF are pictures of their own: the first
is taken."""


def kind_of(head: bytes) -> str | None:
    """The kind of image that starts with `head` (at least 64 bytes, if there are so many); None for anything else."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        return _brand(head)
    return next((kind for start, kind in _STARTS.items() if head.startswith(start)), None)


def _brand(head: bytes) -> str | None:
    """The general brand mif1 says less than a compatible brand that follows it."""
    length = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[place : place + 4] for place in range(16, length - 3, 4))]
    found = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
    if not found or brands[0] not in _BRANDS:
        return None
    return "avif" if "avif" in found and brands[0] in {b"mif1", b"msf1", b"avif", b"avis"} else found[0]
