"""The picture that stands for a recording: its best frame, or for sound alone its waveform."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from PIL import Image

from media.frames import BT709, Canvas, Placer
from media.titling.colours import accent_for, parse_color
from media.upright import shown_size, within
from media.waveform import Peaks, bars

LONG_SIDE = 1280
WAVEFORM_SIZE = (1280, 720)
_GROUND = parse_color("#101820")
_INK = parse_color("#ffffff")
_BARS, _BAR, _GAP = 128, 5, 3
_QUALITY = 86


def save_still(frame: av.VideoFrame, sample_aspect: Fraction, path: Path) -> tuple[int, int]:
    """Write a decoded frame, whose pixels have that shape, as a JPEG, upright, and return its size."""
    width, height = within(LONG_SIDE, LONG_SIDE)(*shown_size(frame, sample_aspect))
    placed = Placer(Canvas(width=width, height=height, colour=BT709), sample_aspect=sample_aspect)(frame)
    return _save(Image.fromarray(placed.to_ndarray(format="rgb24")), path)


def save_waveform(peaks: Peaks, path: Path) -> tuple[int, int]:
    """Draw a waveform as a JPEG, on a dark ground, and return its size."""
    width, height = WAVEFORM_SIZE
    picture = Image.new("RGB", WAVEFORM_SIZE, _GROUND)
    mask = bars(peaks.levels(_BARS), (width * 5 // 6, height * 3 // 5), bar=_BAR, gap=_GAP)
    picture.paste(accent_for(_GROUND, _INK), (width // 12, height // 5), mask)
    return _save(picture, path)


def _save(picture: Image.Image, path: Path) -> tuple[int, int]:
    picture.save(path, "JPEG", quality=_QUALITY, optimize=True, progressive=True)
    return picture.size
