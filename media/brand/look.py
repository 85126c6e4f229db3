"""The look of a title, with its logo read."""

from __future__ import annotations

from PIL import Image, ImageOps

from media.brand.spec import LowerThird, TitleCard
from media.images import open_image
from media.titling import Look
from media.types import Limits


def look_of(title: TitleCard | LowerThird, limits: Limits) -> Look:
    """Raises InputError: invalid_color, and as `open_image` for the logo."""
    logo: Image.Image | None = None
    if title.logo is not None:
        title.logo.seek(0)
        logo = ImageOps.exif_transpose(open_image(title.logo, limits)).convert("RGBA")
    return Look.of(background=title.background, color=title.color, accent=title.accent, family=title.font, logo=logo)
