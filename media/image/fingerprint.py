"""Hashes of what a picture looks like: alike pictures differ in few of the 64 bits (compare with XOR)."""

from __future__ import annotations

import numpy as np
from PIL import Image

from media.image.operations.pad import flatten

_SIDE = 32
_KEPT = 8


def perceptual_hash(image: Image.Image) -> str:
    """64 bits as 16 hex digits: which of the lowest 8 × 8 frequencies of 32 × 32 greys lie above their median.

    The pHash of Zauner (2010), "Implementation and benchmarking of perceptual image hash functions", 3.2.1. It survives
    scaling, recompression and changes of brightness; not cropping, turning or mirroring.
    """
    grey = flatten(image, "#ffffff").convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    waves = np.cos(np.pi / _SIDE * np.outer(np.arange(1, _KEPT + 1), np.arange(_SIDE) + 0.5))
    found = waves @ np.asarray(grey, np.float64) @ waves.T
    return _hexadecimal(found > np.median(found))


def difference_hash(image: Image.Image) -> str:
    """64 bits as 16 hex digits: of 9 × 8 greys, whether each is darker than its right one (dHash, Krawetz 2013)."""
    grey = flatten(image, "#ffffff").convert("L").resize((9, 8), Image.Resampling.BOX)
    values = np.asarray(grey, np.int16)
    return _hexadecimal(values[:, :-1] < values[:, 1:])


def _hexadecimal(bits: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> str:
    return np.packbits(bits.ravel()).tobytes().hex()
