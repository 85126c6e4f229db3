"""Loudness by EBU R 128: measured as ITU-R BS.1770-4 says (FFmpeg's `ebur128`), and brought to a target.

A gain is linear over the whole programme, so nothing of its dynamics is lost, unless peaks would then exceed what R 128
allows: only then a limiter with a look-ahead of a few milliseconds takes the peaks down.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import av
import numpy as np
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as NoMore
from av.filter import Graph

from media.resample import channel_count
from media.samples import float_format, to_array, to_frame
from media.types import Samples

CEILING = -1.0
"""dBTP that peaks may have after encoding (EBU R 128, 2020)."""
_LIMIT = -2.0
"""dBFS at which the limiter holds samples: what lies between them, and what AAC adds, stays under the ceiling."""
_MOST_GAIN = 30.0
_SILENCE = -69.9
"""LUFS below which all of a programme lies under the absolute gate of BS.1770."""
_STEPS = 10
"""How often in a second `ebur128` says what it has measured."""
_SHORTEST = Fraction(4, 10)
"""Seconds of a gating block of BS.1770: of less there is no loudness."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """Integrated loudness in LUFS, and the highest true peak in dBTP; None of silence.

    What is shorter than a gating block (400 ms) has a peak alone.
    """

    integrated: float | None
    peak: float | None


@dataclass(frozen=True, slots=True)
class Level:
    """What is done to a track: `gain` in dB, and whether peaks are limited."""

    before: Loudness
    gain: float
    limited: bool

    @classmethod
    def to(cls, target: int, before: Loudness) -> Level:
        """The level that brings a track to `target` LUFS; silence stays as it is, and 30 dB are the most."""
        if before.integrated is None or before.peak is None:
            return cls(before, 0.0, limited=False)
        gain = min(target - before.integrated, _MOST_GAIN)
        return cls(before, gain, limited=before.peak + gain > CEILING)


class Ear:
    """Measures sound that is written to it as to an `AudioTrack`: `rate` in hertz, a `layout` by name.

    Loudness is that of whole gating blocks, as BS.1770-4 has it: what comes after the last of them does not count, and
    silence put behind it would be measured with it. Peaks count to the last sample.
    """

    def __init__(self, rate: int, layout: str) -> None:
        self.rate, self.layout = rate, layout
        self.samples = 0
        self._graph = _meter(rate, layout)
        self._told: dict[str, str] = {}
        self._tail = np.zeros((channel_count(layout), 0), np.float32)

    def write(self, samples: Samples) -> None:
        """Listen to samples of shape (channels, count)."""
        self.samples += samples.shape[1]
        self._tail = np.concatenate([self._tail, samples], axis=1)[:, -2 * self._step :]
        self._hear(self._graph.push(samples))

    def heard(self) -> Loudness:
        """What all of it comes to; nothing can be written afterwards."""
        self._hear(self._graph.finish())
        peak = max(_peak(self._told), self._last_peak())
        if peak <= 0:
            return Loudness(None, None)
        decibels = 20 * math.log10(peak)
        if self.samples < _SHORTEST * self.rate:
            return Loudness(None, decibels)
        integrated = float(self._told["lavfi.r128.I"])
        return Loudness(None, None) if integrated <= _SILENCE else Loudness(integrated, decibels)

    @property
    def _step(self) -> int:
        return self.rate // _STEPS

    def _hear(self, frames: Iterator[av.AudioFrame]) -> None:
        for frame in frames:
            # A last frame of less than a step says nothing.
            if "lavfi.r128.I" in frame.metadata:
                self._told = dict(frame.metadata)

    def _last_peak(self) -> float:
        """The true peak of what comes after the last whole step; what runs up to it is faded in, or it would click."""
        rest = self.samples % self._step
        if not rest:
            return 0.0
        tail = self._tail[:, -(self._step + rest) :].copy()
        run_up = tail.shape[1] - rest
        tail[:, :run_up] *= np.linspace(0, 1, run_up, dtype=np.float32)
        graph = _meter(self.rate, self.layout)
        padded = np.pad(tail, ((0, 0), (0, 3 * self._step - tail.shape[1])))
        frames = [*graph.push(padded), *graph.finish()]
        return max(_peak(frame.metadata) for frame in frames)


def _meter(rate: int, layout: str) -> _Chain:
    return _Chain(rate, layout, [("ebur128", "metadata=1:peak=true:framelog=quiet")])


def _peak(told: Mapping[str, str]) -> float:
    """The true peak of a measurement, as a share of full scale."""
    return float(told.get("lavfi.r128.true_peak", "0"))


class Writable(Protocol):
    """A track that takes samples; `samples` is how many it has."""

    rate: int
    layout: str
    samples: int

    def write(self, samples: Samples) -> None:
        """Append samples of shape (channels, count)."""
        ...


class Levelled:
    """Stands before a track and brings what is written to a level; call `flush` at the end."""

    def __init__(self, track: Writable, level: Level) -> None:
        self._track = track
        self.rate, self.layout = track.rate, track.layout
        self.samples = 0
        limit = f"limit={10 ** (_LIMIT / 20):.6f}:attack=5:release=50:level=false:latency=true"
        steps = [("volume", f"volume={level.gain:.3f}dB:precision=double")]
        self._graph = _Chain(track.rate, track.layout, steps + [("alimiter", limit)] * level.limited)

    def write(self, samples: Samples) -> None:
        """Append samples of shape (channels, count)."""
        self.samples += samples.shape[1]
        for frame in self._graph.push(samples):
            self._pass(frame)

    def flush(self) -> None:
        """Hand on what is held back."""
        for frame in self._graph.finish():
            self._pass(frame)

    def _pass(self, frame: av.AudioFrame) -> None:
        samples = to_array(frame)
        self._track.write(samples[:, : max(self.samples - self._track.samples, 0)])


def levelled(tracks: Sequence[Writable], levels: Sequence[Level]) -> list[Writable]:
    """Each track with its level before it; without levels the tracks alone."""
    if not levels:
        return list(tracks)
    return [Levelled(track, level) for track, level in zip(tracks, levels, strict=True)]


class _Chain:
    """Filters from our own table alone, for contiguous samples; float in, float out."""

    def __init__(self, rate: int, layout: str, steps: list[tuple[str, str]]) -> None:
        self._rate, self._layout = rate, layout
        self._format = float_format(channel_count(layout))
        self._count = 0
        self._graph = Graph()
        source = self._graph.add(
            "abuffer",
            f"time_base=1/{rate}:sample_rate={rate}:sample_fmt={self._format}:channel_layout={layout}",
        )
        last = [("aformat", f"sample_fmts={self._format}:sample_rates={rate}:channel_layouts={layout}")]
        filters = [self._graph.add(name, arguments) for name, arguments in [*steps, *last]]
        self._graph.link_nodes(source, *filters, self._graph.add("abuffersink")).configure()

    def push(self, samples: Samples) -> Iterator[av.AudioFrame]:
        """What comes out when samples of shape (channels, count) go in."""
        if samples.shape[1]:
            frame = to_frame(samples, self._layout)
            frame.sample_rate = self._rate
            frame.pts, frame.time_base = self._count, Fraction(1, self._rate)
            self._count += samples.shape[1]
            self._graph.push(frame)
        yield from self._pulled()

    def finish(self) -> Iterator[av.AudioFrame]:
        """The rest."""
        if self._count:
            self._graph.push(None)
            yield from self._pulled()

    def _pulled(self) -> Iterator[av.AudioFrame]:
        while True:
            try:
                frame = self._graph.pull()
            except (NothingYet, NoMore):
                return
            assert isinstance(frame, av.AudioFrame)
            yield frame
