"""How titles look: colours, fonts, a logo."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from media.fonts import NAMES, Family
from media.titling.colours import Rgb, accent_for, parse_color


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
        color: str,
        accent: str | None = None,
        family: Family = "sans",
        logo: Image.Image | None = None,
    ) -> Look:
        """From colours as `#rrggbb`; an accent that is not given goes with the background.

        Raises:
            InputError: invalid_color.
        """
        assert family in NAMES
        ground, ink = parse_color(background), parse_color(color)
        return cls(ground, ink, accent_for(ground, ink) if accent is None else parse_color(accent), family, logo)


@dataclass(frozen=True, slots=True)
class Surface:
    """A picture of `size` (width, height) square pixels that templates lay out."""

    size: tuple[int, int]
    look: Look

    @property
    def short(self) -> int:
        """The shorter side, by which everything on it is scaled."""
        return min(self.size)
