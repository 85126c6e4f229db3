"""Logos: as large as fits, and on a plate where they would be lost on their ground."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from media.titling.colours import BLACK, WHITE, Rgb
from media.titling.setting import plate, sized

_SEEN = 2.0
"""Contrast with the ground from which on a part of a logo is seen: less than WCAG asks of graphics, for logos are
large."""
_LOST = 0.25
"""Share of a logo that may be lost."""
_OWN_GROUND = 0.9
"""Share of opaque pixels from which on a logo brings its own ground: then something on that must be seen."""
_CONTENT = 0.02


def mounted(logo: Image.Image, ground: Rgb | None, *others: Rgb, width: int, height: int) -> Image.Image:
    """An RGBA logo as large as fits (width, height); where it would be lost on the ground, on a plate of the first of
    the other colours, white and black on which it is seen. A ground of None is not known."""
    fitted = sized(logo, width=width, height=height)
    if ground is None or not _is_lost(lost(fitted, ground), fitted):
        return fitted
    seen = [colour for colour in (*others, WHITE, BLACK) if not _is_lost(lost(fitted, colour), fitted)]
    best = seen[0] if seen else min((WHITE, BLACK), key=lambda colour: lost(fitted, colour))
    pad = max(min(width, height) // 8, 1)
    inner = sized(logo, width=max(width - 2 * pad, 1), height=max(height - 2 * pad, 1))
    mount = plate(inner.width + 2 * pad, inner.height + 2 * pad, best)
    mount.alpha_composite(inner, (pad, pad))
    return mount


def lost(logo: Image.Image, ground: Rgb) -> float:
    """The share (0..1) of an RGBA logo, by its alpha, that is hardly seen on a ground."""
    samples = np.asarray(logo, np.float64) / 255
    alpha = samples[..., 3]
    light, under = _luminances(samples[..., :3]) + 0.05, _luminances(np.array(ground, np.float64) / 255) + 0.05
    ratio = np.maximum(light, under) / np.minimum(light, under)
    return float((alpha * (ratio < _SEEN)).sum() / max(alpha.sum(), 1e-9))


def _is_lost(share: float, logo: Image.Image) -> bool:
    opaque = float((np.asarray(logo.getchannel("A")) > 127).mean())
    return share > (1 - _CONTENT if opaque > _OWN_GROUND else _LOST)


def _luminances(colours: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    linear: npt.NDArray[np.float64] = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    luminance: npt.NDArray[np.float64] = linear @ np.array([0.2126, 0.7152, 0.0722])
    return luminance
