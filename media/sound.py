"""Decoded sound, cut to the sample."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.stream import AudioStream

from media.errors import InputError
from media.samples import MAX_CHANNELS, float_format, to_array
from media.timeline import layout_name
from media.types import Samples

# Timestamps of some containers are rounded to a millisecond; only a larger gap than this is a gap.
_TOLERANCE = Fraction(1, 100)


class SoundCutter:
    """Cuts the frames of one track to `[start, end)` seconds, as contiguous float samples of shape (channels, count).

    Gaps of more than 10 ms in the track become silence and overlaps are dropped, so that sample n of the result is the
    sound at `start + n / rate`. The end of a track that ends early is not filled.

    Raises:
        InputError: too_many_channels.
    """

    def __init__(self, stream: AudioStream, start: Fraction, end: Fraction) -> None:
        self.rate, self.layout = stream.rate, layout_name(stream)
        self._channels = stream.layout.nb_channels
        if self._channels > MAX_CHANNELS:
            raise InputError("too_many_channels", f"A sound track has more than {MAX_CHANNELS} channels.")
        self._format = float_format(self._channels)
        self._first = round(start * self.rate)
        self._length = round(end * self.rate) - self._first
        self._count = 0
        self._started = False
        self._resampler: tuple[tuple[str, str, int], av.AudioResampler] | None = None

    @property
    def done(self) -> bool:
        """Whether everything up to the end has come out."""
        return self._count >= self._length

    def feed(self, frame: av.AudioFrame, time: Fraction) -> Iterator[Samples]:
        """Take the frame that begins at `time` (seconds); yields what of it, and of silence before it, is inside."""
        place = round(time * self.rate) - self._first
        samples = self._floats(frame)
        gap = place - self._count
        if self._started and abs(gap) <= _TOLERANCE * self.rate:
            gap = 0
        if gap + samples.shape[1] <= 0 or self.done:
            return
        yield from self._silence(gap)
        samples = samples[:, max(-gap, 0) :][:, : self._length - self._count]
        self._started = True
        self._count += samples.shape[1]
        if samples.shape[1]:
            yield samples

    def _silence(self, count: int) -> Iterator[Samples]:
        left = min(count, self._length - self._count)
        while left > 0:
            chunk = min(left, self.rate)
            self._count += chunk
            left -= chunk
            yield np.zeros((self._channels, chunk), np.float32)

    def _floats(self, frame: av.AudioFrame) -> Samples:
        key = (frame.format.name, frame.layout.name, frame.sample_rate)
        if key == (self._format, self.layout, self.rate):
            return to_array(frame)
        if self._resampler is None or self._resampler[0] != key:
            self._resampler = (key, av.AudioResampler(self._format, self.layout, self.rate))
        pieces = [to_array(out) for out in self._resampler[1].resample(frame)]
        return np.concatenate(pieces, axis=1) if pieces else np.zeros((self._channels, 0), np.float32)
