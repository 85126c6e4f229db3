"""What a picture is about, without a trained model: edges, and colours that stand out.

Each pixel's weight is its edge strength plus its distance from the mean colour after a blur (the frequency-tuned
saliency of Achanta et al., CVPR 2009, in Lab). A window is as good as the weight that it holds. This finds a subject
before a calm background; it knows nothing of faces.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Weights = npt.NDArray[np.float64]

_SIDE = 192
_BLUR = 2
_INSETS = 0.0, 0.08, 0.16, 0.24
# How much less the border counts than the middle, where photographers put things.
_CENTRE = 0.15


def best_window(image: Image.Image, width: int, height: int) -> tuple[int, int]:
    """The top left corner of the most salient `width` × `height` window of a picture, in its pixels."""
    scale = min(1.0, _SIDE / max(image.size))
    small = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    weights = saliency(image.resize(small, Image.Resampling.BOX, reducing_gap=2.0))
    inner = (min(small[0], max(1, round(width * scale))), min(small[1], max(1, round(height * scale))))
    top, left = np.unravel_index(
        int(np.argmax(_scores(weights, *inner).round(9))), (small[1] - inner[1] + 1, small[0] - inner[0] + 1)
    )
    room = (image.width - width, image.height - height)
    spare = (small[0] - inner[0], small[1] - inner[1])
    x, y = (
        round(int(at) * whole / part) if part else whole // 2
        for at, whole, part in zip((left, top), room, spare, strict=True)
    )
    return x, y


def _scores(weights: Weights, width: int, height: int) -> Weights:
    """How good each window is, by its corner (y, x): what it holds, counted again for each of the windows inside it, so
    that what matters comes to lie away from the border."""
    table = np.pad(weights, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    rows, columns = weights.shape[0] - height + 1, weights.shape[1] - width + 1
    total = np.zeros((rows, columns))
    for inset in _INSETS:
        y, x = int(height * inset), int(width * inset)
        low, high = slice(y, y + rows), slice(height - y, height - y + rows)
        left, right = slice(x, x + columns), slice(width - x, width - x + columns)
        total += table[high, right] - table[low, right] - table[high, left] + table[low, left]
    return total


def saliency(image: Image.Image) -> Weights:
    """Weights of shape (height, width) that sum up to 1; what is transparent weighs nothing."""
    rgba = image.convert("RGBA")
    opaque = np.asarray(rgba.getchannel("A"), np.float64) / 255
    flat = Image.new("RGBA", rgba.size, (128, 128, 128, 255))
    flat.alpha_composite(rgba)
    blurred = flat.convert("RGB").filter(ImageFilter.GaussianBlur(_BLUR))
    lab = _lab(np.asarray(blurred, np.float64) / 255)
    stands_out = np.linalg.norm(lab - lab.mean((0, 1)), axis=2)
    down, across = (
        np.gradient(lab[..., 0], axis=axis) if lab.shape[axis] > 1 else np.zeros(lab.shape[:2]) for axis in (0, 1)
    )
    weights = (_share(stands_out) + _share(np.hypot(down, across))) * opaque * _middle(*lab.shape[:2])
    # Squared, a little that stands out far counts for more than much that does so a bit.
    return _share(weights**2)


def _share(values: Weights) -> Weights:
    total = values.sum()
    return values / total if total > 1e-9 else np.full(values.shape, 1 / values.size)


def _middle(height: int, width: int) -> Weights:
    y, x = (np.abs(np.linspace(-1, 1, side)) if side > 1 else np.zeros(1) for side in (height, width))
    return 1 - _CENTRE * np.maximum.outer(y, x)


def _lab(rgb: Weights) -> Weights:
    """CIE L*a*b* (D65) of sRGB values in 0 … 1 (IEC 61966-2-1; CIE 15:2004)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), axis=2)
