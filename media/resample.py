"""Sound in one rate and layout, made from another, without a break and without moving it."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from media.samples import float_format, to_array, to_frame
from media.types import Samples


class Resampler:
    """Turns contiguous samples of one (rate in hertz, layout) into another's; sample n stays at its time.

    The filter holds some samples back; `rest` gives them up at the end.
    """

    def __init__(self, given: tuple[int, str], wanted: tuple[int, str]) -> None:
        self._rate, self._layout = given
        self._channels = channel_count(wanted[1])
        self._inner = None if given == wanted else av.AudioResampler(float_format(self._channels), wanted[1], wanted[0])
        self._count = 0

    def __call__(self, samples: Samples) -> Samples:
        """What is ready once `samples` (channels, count) are added."""
        if self._inner is None:
            return samples
        if samples.shape[1] == 0:
            return self._joined([])
        frame = to_frame(samples, self._layout)
        frame.sample_rate = self._rate
        frame.pts, frame.time_base = self._count, Fraction(1, self._rate)
        self._count += samples.shape[1]
        return self._joined(self._inner.resample(frame))

    def rest(self) -> Samples:
        """The last samples."""
        return self._joined([] if self._inner is None or not self._count else self._inner.resample(None))

    def _joined(self, frames: list[av.AudioFrame]) -> Samples:
        none = np.zeros((self._channels, 0), np.float32)
        return np.concatenate([none, *(to_array(frame) for frame in frames)], axis=1, dtype=np.float32)


def channel_count(layout: str) -> int:
    """Number of channels of a layout by name."""
    return av.AudioLayout(layout).nb_channels
