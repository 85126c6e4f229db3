"""Tells shots from each other, by pictures in small: where one is cut to another, and whether two look alike.

Pictures are compared in two ways that fail differently: where on the picture it is bright, which motion changes, and
which colours it has, which a pan does not change. Only what differs in both is another shot.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

Sign = npt.NDArray[np.float32]
"""Of a picture: the shares of its 64 colours, then its brightness at 16 × 9 places from 0 to 1."""

OTHER = 0.25
"""From this distance on two pictures are of different shots."""
_COLOURS, _ACROSS, _DOWN = 4, 16, 9


def sign_of(picture: Image.Image) -> Sign:
    """What a picture in RGB is told from others by."""
    small = np.asarray(picture.resize((_ACROSS * 4, _DOWN * 4), Image.Resampling.BOX), np.float32)
    # By the root, as shadows differ by little.
    steps = np.minimum(np.sqrt(small / 256) * _COLOURS, _COLOURS - 1).astype(np.int64)
    kinds = (steps[..., 0] * _COLOURS + steps[..., 1]) * _COLOURS + steps[..., 2]
    shares = np.bincount(kinds.ravel(), minlength=_COLOURS**3) / kinds.size
    luma = small @ np.array([0.2126, 0.7152, 0.0722], np.float32) / 255
    places = np.sqrt(luma).reshape(_DOWN, 4, _ACROSS, 4).mean(axis=(1, 3))
    return np.concatenate([shares, places.ravel()]).astype(np.float32)


def distance(one: Sign, other: Sign) -> float:
    """From 0, the same, to 1: the root of how much of the colours, times how much of the places, has changed."""
    colours = float(np.abs(one - other)[: _COLOURS**3].sum()) / 2
    places = min(float(np.abs(one - other)[_COLOURS**3 :].mean()) * 2, 1.0)
    return float(np.sqrt(colours * places))


def hard_cuts(pictures: Sequence[Image.Image]) -> list[int]:
    """The places in a run of pictures at which another shot begins; what is over with the next picture is a flash."""
    signs = [sign_of(picture) for picture in pictures]
    return [
        place
        for place in range(1, len(signs))
        if all(
            distance(before, after) >= OTHER
            for before in signs[max(place - 2, 0) : place]
            for after in signs[place : place + 2]
        )
    ]
