"""The waveform of a sound: its peaks as data that players draw, and a picture of them.

The data is version 2 of the BBC's audiowaveform format, as JSON, which peaks.js and wavesurfer.js read
(https://github.com/bbc/audiowaveform/blob/master/doc/DataFormat.md): 16 bits, one channel, the mean of all channels of
the main track. Pair k is the least and the greatest sample of [k · n, (k + 1) · n) for n = `samples_per_pixel`, a power
of two times 256 that keeps the pairs below `MOST`. It covers the recording from its presentation start to its end, with
silence where the track has none, and takes memory that does not grow with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from av.stream import Discard
from PIL import Image, ImageDraw

from media.progress import Meter
from media.source import open_source
from media.swift import sound_of
from media.timeline import timeline
from media.titling.colours import parse_color
from media.types import DEFAULT_LIMITS, Limits, Progress, Samples, no_progress

MOST = 16_384
"""Pairs of one waveform are less than this; of a longer one they are at least half as many."""
FINEST = 256
"""Samples of a pair at least."""
SIZE = (1800, 140)
COLOR = "#f2a93b"
_FULL = 32_768
_AT_ONCE = 1 << 17
_BAR, _GAP = 4, 2
_SMOOTH = 4
"""Bars are drawn so many times as large, and shrunk."""
_QUIET = 0.05
"""What is quieter than this, of full scale, is not drawn as if it were loud."""


@dataclass(frozen=True, slots=True)
class Peaks:
    """The finished data: `pairs` of shape (count, 2), 16-bit minima and maxima; `rate` in hertz."""

    rate: int
    samples_per_pixel: int
    pairs: npt.NDArray[np.int16]

    def facts(self) -> dict[str, Any]:
        """JSON: what the data says of itself."""
        return {
            "version": 2,
            "channels": 1,
            "sample_rate": self.rate,
            "samples_per_pixel": self.samples_per_pixel,
            "bits": 16,
            "length": len(self.pairs),
        }

    def to_dict(self) -> dict[str, Any]:
        """JSON, as the module says."""
        return self.facts() | {"data": self.pairs.ravel().tolist()}

    def levels(self, count: int) -> npt.NDArray[np.float64]:
        """The waveform in `count` bars, each 0 to 1 and relative to the loudest; noise alone stays low."""
        loud = np.abs(self.pairs.astype(np.float64)).max(axis=1, initial=0) / _FULL
        edges = np.linspace(0, len(loud), count + 1)
        first = edges[:-1].astype(int)
        end = np.maximum(np.ceil(edges[1:]).astype(int), first + 1)
        bars = np.array([loud[one:other].max(initial=0) for one, other in zip(first, end, strict=True)])
        return bars / max(float(bars.max(initial=0)), _QUIET)


class PeakMeter:
    """Collects the peaks of contiguous sound of any length."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._length = FINEST
        self._pairs = np.empty((MOST, 2), np.int16)
        self._count = 0
        # Decoders give out a thousand samples at a time: looking at many at once is several times as fast.
        self._waiting: list[npt.NDArray[np.float32]] = []
        self._rest = np.zeros(0, np.int16)
        self._unseen = 0
        self.samples = 0
        """Taken so far."""

    def add(self, samples: Samples) -> None:
        """Take the next samples, shape (channels, count)."""
        channels, count = samples.shape
        self._waiting.append(samples[0].copy() if channels == 1 else samples.sum(axis=0) / np.float32(channels))
        self.samples += count
        self._unseen += count
        if self._unseen >= _AT_ONCE:
            self._look()

    def _look(self) -> None:
        loud = np.concatenate(self._waiting) if self._waiting else np.zeros(0, np.float32)
        self._waiting, self._unseen = [], 0
        mono = np.clip(np.rint(loud * np.float32(_FULL)), -_FULL, _FULL - 1).astype(np.int16)
        waiting = np.concatenate([self._rest, mono])
        while len(waiting) >= self._length:
            room = min(len(waiting) // self._length, MOST - self._count)
            blocks = waiting[: room * self._length].reshape(room, self._length)
            self._pairs[self._count : self._count + room] = np.stack([blocks.min(axis=1), blocks.max(axis=1)], axis=1)
            self._count += room
            waiting = waiting[room * self._length :]
            if self._count == MOST:
                self._halve()
        self._rest = waiting

    def finish(self) -> Peaks:
        """The peaks of all that was added; the last pair may be of fewer samples."""
        self._look()
        pairs = self._pairs[: self._count]
        if len(self._rest):
            pairs = np.concatenate([pairs, [[self._rest.min(), self._rest.max()]]])
        return Peaks(self._rate, self._length, pairs.astype(np.int16))

    def _halve(self) -> None:
        pairs = self._pairs.reshape(-1, 4)
        halved = np.stack([pairs[:, ::2].min(axis=1), pairs[:, 1::2].max(axis=1)], axis=1)
        self._count //= 2
        self._length *= 2
        self._pairs[: self._count] = halved


def measure(source: BinaryIO, *, limits: Limits = DEFAULT_LIMITS, on_progress: Progress = no_progress) -> Peaks | None:
    """The peaks of the main sound track; None where there is none.

    Raises:
        InputError: as `open_source`, and unsupported_codec, too_many_channels, too_long, no_progress, times_jump_back,
            damaged_file (nothing decodes).
    """
    meter = Meter(on_progress)
    with open_source(source, limits) as container:
        line = timeline(container)
        limits.check_duration(line.duration)
        if not line.audio:
            return None
        for stream in container.streams:
            if stream is not line.audio[0]:
                stream.discard = Discard.all
        meter.total = max(line.duration, Fraction(1))
        peaks = PeakMeter(line.audio[0].rate)
        for samples in sound_of(container, line):
            peaks.add(samples)
            meter.report(Fraction(peaks.samples, line.audio[0].rate))
    meter.finish()
    return peaks.finish()


def save_json(peaks: Peaks, path: Path) -> None:
    """Write the data."""
    path.write_text(json.dumps(peaks.to_dict(), separators=(",", ":")), encoding="ascii")


def save_picture(peaks: Peaks, path: Path, *, color: str = COLOR, size: tuple[int, int] = SIZE) -> None:
    """Draw the waveform as bars of one colour on nothing, as a PNG.

    Raises:
        InputError: invalid_color.
    """
    ink = parse_color(color)
    levels = peaks.levels(max((size[0] + _GAP) // (_BAR + _GAP), 1))
    mask = bars(levels, size, bar=_BAR, gap=_GAP)
    picture = Image.new("RGBA", size, (*ink, 0))
    picture.putalpha(mask)
    picture.save(path, "PNG", optimize=True)


def bars(levels: npt.NDArray[np.float64], size: tuple[int, int], *, bar: int, gap: int) -> Image.Image:
    """Round-ended bars about the middle line, one for each level 0 to 1, as a mask (mode L) of that size."""
    width, height = (side * _SMOOTH for side in size)
    mask = Image.new("L", (width, height))
    pen = ImageDraw.Draw(mask)
    thick, step = bar * _SMOOTH, (bar + gap) * _SMOOTH
    left = (width - (len(levels) * step - gap * _SMOOTH)) // 2
    for number, level in enumerate(levels):
        half = max(thick / 2, float(level) * height / 2)
        x = left + number * step
        pen.rounded_rectangle((x, height / 2 - half, x + thick - 1, height / 2 + half - 1), thick // 2, fill=255)
    return mask.resize(size, Image.Resampling.BOX)
