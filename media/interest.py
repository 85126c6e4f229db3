"""How much there is to see in a picture, for choosing the one that stands for many.

A good picture has detail in many places, contrast and some colour, and is neither nearly black, nearly white nor of one
tone: black frames, fades, slates and credits score low. That is judged at a size of some 160 × 90, so that pictures of
any resolution compare, and grain does not count as detail. Whether it is in focus is not to be seen there: that is
judged at 640 pixels, and takes much of the score of what is not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

LITTLE = 0.12
"""Pictures below this show next to nothing."""
_AREA = 160 * 90
SIDE = 640
"""The longer side of a picture, in pixels, up to which focus is judged: larger ones are made smaller."""
_REACH = 9
"""Pixels over which a picture is blurred to see how sharp it was."""
_SHARP, _BLURRED = 0.3, 0.8
"""Shares of its steps that a picture keeps then: of recordings in focus, and of those that are far out of it."""
_LOSS = 0.6
_SIDEWAYS = 0.1
"""Energy of the steps along one axis, beside the other's, below which it says nothing of focus: stripes."""
_BLOCK = 10
"""Side of the squares in which detail is measured, in pixels: many places count, not one sharp edge."""


def interest(picture: Image.Image) -> float:
    """A score from 0 (black, white or a single tone) to about 1, of an RGB picture of any size."""
    scale = min((_AREA / (picture.width * picture.height)) ** 0.5, 1.0)
    size = max(round(picture.width * scale), 2), max(round(picture.height * scale), 2)
    small = np.asarray(picture.convert("RGB").resize(size, Image.Resampling.BOX), np.float32)
    luma = small @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    score = 0.55 * _detail(luma) + 0.25 * _contrast(luma) + 0.2 * _colour(small)
    return score * _exposure(luma) * _focus(picture)


def _detail(luma: npt.NDArray[np.float32]) -> float:
    """Steps between neighbours, by squares: the root of each keeps one hard edge from outweighing a rich picture."""
    steps = np.zeros_like(luma)
    steps[:, 1:] += np.abs(np.diff(luma, axis=1))
    steps[1:] += np.abs(np.diff(luma, axis=0))
    high, wide = (max(side // _BLOCK, 1) for side in luma.shape)
    squares = [part.mean() for row in np.array_split(steps, high) for part in np.array_split(row, wide, axis=1)]
    return min(float(np.sqrt(squares).mean()) / 5, 1.0)


def _contrast(luma: npt.NDArray[np.float32]) -> float:
    return min(float(luma.std()) / 64, 1.0)


def _colour(picture: npt.NDArray[np.float32]) -> float:
    """Colourfulness after Hasler and Süsstrunk, “Measuring colorfulness in natural images” (2003), over 60."""
    red, green, blue = picture[..., 0], picture[..., 1], picture[..., 2]
    one, other = red - green, (red + green) / 2 - blue
    spread = np.hypot(one.std(), other.std()) + 0.3 * np.hypot(one.mean(), other.mean())
    return min(float(spread) / 60, 1.0)


def _exposure(luma: npt.NDArray[np.float32]) -> float:
    """1 for what is well lit, 0 for what is black or white nearly everywhere."""
    dark, bright = float((luma < 24).mean()), float((luma > 235).mean())
    mean = float(luma.mean())
    lit = min(1.0, max(0.0, (mean - 8) / 40), max(0.0, (250 - mean) / 30))
    # Words on black are sharp, but little else.
    return lit * (1 - max(0.0, dark - 0.5) * 1.6) * (1 - max(0.0, bright - 0.6))


def _focus(picture: Image.Image) -> float:
    """1 for what is in focus, down to 0.4 for what is not.

    After Crété et al., “The blur effect” (2007): a blurred picture changes little when it is blurred again. Here by the
    energy of its steps, so that grain and rounding count little; motion blurs along one axis, so the worse one counts.
    """
    scale = min(SIDE / max(picture.size), 1.0)
    size = max(round(picture.width * scale), 2), max(round(picture.height * scale), 2)
    luma = np.asarray(picture.convert("L").resize(size, Image.Resampling.BOX), np.float32)
    if min(luma.shape) <= 2 * _REACH:
        return 1.0
    energies = [_energies(luma), _energies(luma.T)]
    most = max(sharp for sharp, _ in energies)
    kept = max((blurred / sharp for sharp, blurred in energies if sharp > most * _SIDEWAYS), default=0.0)
    return 1 - _LOSS * min(max((kept - _SHARP) / (_BLURRED - _SHARP), 0.0), 1.0)


def _energies(luma: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Of the steps along rows, and of those that are left after each row was blurred."""
    sums = np.cumsum(np.pad(luma, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    blurred = (sums[:, _REACH:] - sums[:, :-_REACH]) / _REACH
    margin = _REACH // 2
    steps, left = np.diff(luma[:, margin:-margin], axis=1), np.diff(blurred, axis=1)
    return float((steps**2).sum()), float((left**2).sum())
