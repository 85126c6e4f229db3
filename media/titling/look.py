"""How titles look: colours, fonts, a logo."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from media.fonts import NAMES, Family
from media.lettering import Align, Block
from media.titling.colours import WHITE, Rgb, accent_for, ink_for, is_legible, mixed, parse_color
from media.titling.mark import mounted
from media.titling.setting import written

SOFT = 191
"""Strength of a subtitle, of 255."""


@dataclass(frozen=True, slots=True)
class Look:
    """Colours as three numbers 0..255, the family of fonts, and the logo as RGBA, None for none."""

    background: Rgb
    color: Rgb
    accent: Rgb
    family: Family = "sans"
    logo: Image.Image | None = None

    @classmethod
    def of(
        cls,
        *,
        background: str,
        color: str | None = None,
        accent: str | None = None,
        family: Family = "sans",
        logo: Image.Image | None = None,
    ) -> Look:
        """From colours as `#rrggbb`; a text colour and an accent that are not given go with the background.

        Raises:
            InputError: invalid_color.
        """
        assert family in NAMES
        ground = parse_color(background)
        ink = ink_for(ground, WHITE) if color is None else parse_color(color)
        return cls(ground, ink, accent_for(ground, ink) if accent is None else parse_color(accent), family, logo)


@dataclass(frozen=True, slots=True)
class Surface:
    """A picture of `size` (width, height) square pixels that templates lay out."""

    size: tuple[int, int]
    look: Look
    mirrored: bool = False
    """Whether it is read from right to left: laid out as if it were not, and turned round at the end."""

    @property
    def flush(self) -> Align:
        """Where lines begin."""
        return "right" if self.mirrored else "left"

    @property
    def short(self) -> int:
        """The shorter side, by which everything on it is scaled."""
        return min(self.size)

    def words(self, block: Block, ground: Rgb, *, align: Align, soft: bool = False) -> Image.Image:
        """Text on a plain ground, in a colour of the look if that is legible there; softened only if it stays so."""
        ink = ink_for(ground, self.look.background, self.look.color)
        keeps = soft and is_legible(mixed(ink, ground, SOFT), ground)
        return written(block, ink, align=align, strength=SOFT if keeps else 255)

    def mark(self, ground: Rgb | None, *, width: int, height: int) -> Image.Image | None:
        """The logo as large as fits, on a plate where it would be lost on the ground; None for no logo.

        A ground of None is a picture that nobody knows."""
        logo = self.look.logo
        return None if logo is None else mounted(logo, ground, self.look.background, width=width, height=height)
