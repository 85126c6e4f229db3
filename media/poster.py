"""The picture that stands for a recording: its best frame, or for sound alone its waveform."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from media.barcode import luma_plane
from media.frames import BT709, Canvas, Placer, even
from media.orientation import Orientation
from media.probe import display_matrix
from media.titling.colours import accent_for, parse_color
from media.types import Samples

CANDIDATES = 12
LONG_SIDE = 1280
WAVEFORM_SIZE = (1280, 720)
_GROUND = parse_color("#101820")
_INK = parse_color("#ffffff")
_BARS = 128
_QUALITY = 86
_WORTH = 1.05


class Poster:
    """Looks at a dozen frames, in 8-bit YUV, spread over `duration` seconds and keeps the one with the most to see."""

    def __init__(self, duration: Fraction) -> None:
        self._step = duration / CANDIDATES
        self._next = Fraction(0)
        self._score = 0.0
        self.best: tuple[av.VideoFrame, Fraction] | None = None
        """The frame, and the seconds at which it is on show; None before the first look."""

    def look(self, frame: av.VideoFrame, time: Fraction) -> None:
        """Consider a frame; times rise."""
        if time < self._next:
            return
        self._next = time + self._step
        score = interest(luma_plane(frame))
        # Later frames must be better by more than chance: an early one is what viewers see first.
        if self.best is None or score > self._score * _WORTH:
            self._score, self.best = score, (frame, time)


def save_still(frame: av.VideoFrame, sample_aspect: Fraction, path: Path) -> tuple[int, int]:
    """Write a decoded frame, whose pixels have that shape, as a JPEG, upright, and return its size."""
    turned = Orientation.of(display_matrix(frame)).swaps_sides
    wide, high = round(frame.width * sample_aspect), frame.height
    shown = (high, wide) if turned else (wide, high)
    scale = min(Fraction(LONG_SIDE, max(shown)), Fraction(1))
    canvas = Canvas(width=even(shown[0] * scale), height=even(shown[1] * scale), colour=BT709)
    placed = Placer(canvas, sample_aspect=sample_aspect)(frame)
    picture = Image.fromarray(placed.to_ndarray(format="rgb24"))
    picture.save(path, "JPEG", quality=_QUALITY, optimize=True, progressive=True)
    return picture.size


def interest(luma: npt.NDArray[np.uint8]) -> float:
    """How much there is to see in a luma plane: contrast and detail, less where it is nearly black or white."""
    values = luma.astype(np.float32)
    detail = np.abs(np.diff(values, axis=0)).mean() + np.abs(np.diff(values, axis=1)).mean()
    mean = float(values.mean())
    exposure = min(1.0, max(0.0, (mean - 16) / 48), max(0.0, (235 - mean) / 32))
    return float(values.std() + 2 * detail) * exposure


class Waveform:
    """Collects the peaks of a sound of any length in a fixed number of bars."""

    def __init__(self, rate: int) -> None:
        self._length = max(rate // 50, 1)
        self._peaks: list[float] = []
        self._rest = np.zeros(0, np.float32)

    def add(self, samples: Samples) -> None:
        """Take the next samples, shape (channels, count)."""
        loud = np.concatenate([self._rest, np.abs(samples).max(axis=0, initial=0)])
        whole = len(loud) // self._length
        bars = loud[: whole * self._length].reshape(whole, self._length)
        self._peaks.extend(bars.max(axis=1).tolist())
        self._rest = loud[whole * self._length :]
        while len(self._peaks) >= 4 * _BARS:
            pairs = len(self._peaks) // 2
            odd = np.repeat(np.array(self._peaks[2 * pairs :], np.float32), self._length)
            self._peaks = np.array(self._peaks[: 2 * pairs]).reshape(-1, 2).max(axis=1).tolist()
            self._length *= 2
            # A bar without its partner is begun anew with the doubled length.
            self._rest = np.concatenate([odd, self._rest])

    def save(self, path: Path) -> tuple[int, int]:
        """Draw the bars as a JPEG and return its size."""
        width, height = WAVEFORM_SIZE
        picture = Image.new("RGB", WAVEFORM_SIZE, _GROUND)
        pen = ImageDraw.Draw(picture)
        left, room = width // 12, width - width // 6
        accent = accent_for(_GROUND, _INK)
        for number, level in enumerate(self._levels()):
            x = left + number * room // _BARS
            half = max(2, round(level * height * 0.3))
            thick = room // _BARS * 6 // 10
            pen.rounded_rectangle((x, height // 2 - half, x + thick, height // 2 + half), thick // 2, fill=accent)
        picture.save(path, "JPEG", quality=_QUALITY, optimize=True, progressive=True)
        return WAVEFORM_SIZE

    def _levels(self) -> npt.NDArray[np.float64]:
        """One level 0..1 for each bar, relative to the loudest."""
        peaks = np.array(self._peaks or [0.0])
        edges = np.linspace(0, len(peaks), _BARS + 1)
        spans = [(int(first), max(int(end), int(first) + 1)) for first, end in pairwise(edges)]
        levels = np.array([peaks[first:end].max() for first, end in spans], np.float64)
        return np.divide(levels, max(levels.max(), 1e-6))
