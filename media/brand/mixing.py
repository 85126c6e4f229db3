"""The sound of a branded video: what the cards and the body sound like together, on one track."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from media.brand.cards import Heard, SoundFormat
from media.brand.plan import Plan, equal_power
from media.loudness import Writable
from media.resample import channel_count
from media.types import Samples


class Mixer:
    """Writes one track along a plan, cards and body crossfaded with equal power.

    `intro` and `outro` are heard on this track; None is silence. The body's samples come through `take`, in a row;
    `fill` writes on where the body has none.
    """

    def __init__(self, track: Writable, plan: Plan, *, intro: Heard | None, outro: Heard | None) -> None:
        self._track = track
        self._format: SoundFormat = (track.rate, track.layout)
        self._intro, self._outro = intro, outro
        self._body_start, self._intro_end = self._sample(plan.body_start), self._sample(plan.intro_end)
        self._outro_start, self._body_end = self._sample(plan.outro_start), self._sample(plan.body_end)
        self._end = self._sample(plan.duration)

    def take(self, samples: Samples) -> None:
        """The body's next samples, of shape (channels, count); what exceeds its place in the plan is cut."""
        self._fill(self._body_start)
        count = min(samples.shape[1], max(self._body_end - self._track.samples, 0))
        first = self._track.samples
        if self._intro_end <= first and first + count <= self._outro_start:
            self._track.write(samples[:, :count])
            return
        begun = _fade(first, count, self._body_start, self._intro_end)
        ended = _fade(first, count, self._outro_start, self._body_end)
        self._write(samples[:, :count] * (equal_power(begun) * equal_power(1 - ended)))

    def fill(self, time: Fraction) -> None:
        """Write up to `time` seconds of the output without the body."""
        self._fill(min(self._sample(time), self._end))

    def _fill(self, end: int) -> None:
        channels = channel_count(self._track.layout)
        while (left := end - self._track.samples) > 0:
            self._write(np.zeros((channels, min(left, self._track.rate)), np.float32))

    def _write(self, body: Samples) -> None:
        """Write a block with the cards' sound added."""
        first, count = self._track.samples, body.shape[1]
        mixed = body.copy()
        until = min(max(self._intro_end - first, 0), count)
        if self._intro is not None and until:
            gone = _fade(first, until, self._body_start, self._intro_end)
            mixed[:, :until] += self._intro.sound(until, self._format) * equal_power(1 - gone)
        since = min(max(self._outro_start - first, 0), count)
        if self._outro is not None and since < count:
            come = _fade(first + since, count - since, self._outro_start, self._body_end)
            mixed[:, since:] += self._outro.sound(count - since, self._format) * equal_power(come)
        self._track.write(mixed)

    def _sample(self, time: Fraction) -> int:
        return round(time * self._track.rate)


def _fade(first: int, count: int, start: int, end: int) -> npt.NDArray[np.float64]:
    """How far (0..1) samples `first` … are into the fade from sample `start` to `end`; a step where these are one."""
    middles = np.arange(first, first + count) + 0.5
    return np.clip((middles - start) / max(end - start, 1e-9), 0, 1)
