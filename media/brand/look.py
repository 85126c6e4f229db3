"""The look of a title, with its logo read."""

from __future__ import annotations

from PIL import Image, ImageOps

from media.brand.spec import BrandSpec, LowerThird, TitleCard
from media.images import open_image
from media.titling import Look
from media.titling.colours import is_legible, parse_color
from media.types import Limits, Notice


def look_of(title: TitleCard | LowerThird, limits: Limits) -> Look:
    """Raises InputError: invalid_color, and as `open_image` for the logo."""
    logo: Image.Image | None = None
    if title.logo is not None:
        title.logo.seek(0)
        logo = ImageOps.exif_transpose(open_image(title.logo, limits)).convert("RGBA")
    return Look.of(background=title.background, color=title.color, accent=title.accent, family=title.font, logo=logo)


def legibility(spec: BrandSpec) -> tuple[Notice, ...]:
    """What is to be said of colours that were asked for. Raises InputError: invalid_color."""
    titles: list[TitleCard | LowerThird] = [card for card in (spec.intro, spec.outro) if isinstance(card, TitleCard)]
    # A line has no plate: it stands on a picture that nobody knows.
    titles += [third for third in spec.lower_thirds if third.template != "line"]
    for title in titles:
        if title.color is not None and not is_legible(parse_color(title.color), parse_color(title.background)):
            message = (
                f"Text in {title.color} can hardly be read on {title.background}: it was set in black or white. "
                "Choose colours that differ more, or leave color out."
            )
            return (Notice("illegible_color", message),)
    return ()
