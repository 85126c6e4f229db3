"""A drawn picture with the traits of a photo: sky, hills with structure, a bright subject off the middle, noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Field = npt.NDArray[np.float32]

_HILLS = (0.55, (104, 134, 140)), (0.68, (70, 104, 88)), (0.82, (44, 72, 52))
_SUN = (246, 190, 92)
_BALLOON = ((203, 62, 58), (244, 236, 220))


def scene(width: int, height: int, *, seed: int = 7) -> Image.Image:
    """The picture in RGB, the same for the same arguments on every machine."""
    rng = np.random.default_rng(seed)
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    picture = np.stack([120 + 110 * y + 0 * x, 170 + 50 * y + 0 * x, 225 - 20 * y + 0 * x], axis=2)
    land = np.zeros((height, width), bool)
    for number, (base, tint) in enumerate(_HILLS):
        ridge = base + _ridge(x, rng, 0.10 - 0.02 * number)
        hill = y > ridge
        land |= hill
        shade = 1 - 0.35 * np.clip((y - ridge) / 0.4, 0, 1)
        picture = np.where(hill[..., None], np.array(tint, np.float32) * shade[..., None], picture)
    grain = rng.standard_normal((height, width), np.float32)
    picture += (grain * 2.5 + _woods(grain) * land)[..., None]
    image = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
    _draw(image)
    return image


def _woods(grain: Field) -> Field:
    """Structure of a few pixels' size."""
    grey = Image.fromarray((grain * 40 + 128).clip(0, 255).astype(np.uint8))
    return np.asarray(grey.filter(ImageFilter.GaussianBlur(max(1.0, grain.shape[0] / 300))), np.float32) - 128


def _ridge(x: Field, rng: np.random.Generator, high: float) -> Field:
    waves = zip((1, 2.3, 5.1, 11.7), (1, 0.5, 0.22, 0.1), rng.uniform(0, 2 * np.pi, 4), strict=True)
    line = np.zeros_like(x)
    for rate, part, phase in waves:
        line += (high * part * np.sin(2 * np.pi * rate * x + phase)).astype(np.float32)
    return line


def _draw(image: Image.Image) -> None:
    """Sun and balloon, smoothed by drawing four times as large."""
    side = image.height // 3
    big = Image.new("RGBA", (side * 4, side * 4), (0, 0, 0, 0))
    pen = ImageDraw.Draw(big)
    middle, radius = side * 2, int(side * 1.5)
    pen.ellipse((middle - radius, side // 4, middle + radius, side // 4 + 2 * radius), fill=_BALLOON[0])
    for share in (0.66, 0.22):
        half = int(radius * share)
        pen.ellipse(
            (middle - half, side // 4, middle + half, side // 4 + 2 * radius), fill=_BALLOON[1 if share > 0.5 else 0]
        )
    pen.rectangle((middle - side // 4, int(side * 3.4), middle + side // 4, int(side * 3.8)), fill=(92, 62, 40))
    small = big.reduce(4)
    image.paste(small, (int(image.width * 0.68) - side // 2, image.height // 8), small)
    sun = image.height // 12
    left, top = image.width // 6, image.height // 6
    ImageDraw.Draw(image).ellipse((left, top, left + 2 * sun, top + 2 * sun), fill=_SUN)
