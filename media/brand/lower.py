"""A lower third at work: drawn while it moves, and kept while it stands."""

from __future__ import annotations

from fractions import Fraction

import av

from media.brand.look import look_of
from media.brand.patch import Box, Patch, placer_for, scaled
from media.brand.spec import LowerThird
from media.frames import Canvas
from media.titling import lower_third
from media.types import DEFAULT_LIMITS, Limits


class LowerLayer:
    """Callable that returns a frame of the canvas's format with the lower third as it is at a time of the body.

    It goes as it came, a little faster.

    Raises:
        InputError: as `media.titling.lower_third`, and for the logo as `open_image`.
    """

    _LEAVES = Fraction(3, 2)
    """How much faster it goes than it came."""

    def __init__(self, spec: LowerThird, canvas: Canvas, limits: Limits = DEFAULT_LIMITS) -> None:
        self.start, self.end = spec.start, spec.end
        self._canvas = canvas
        self._scene = lower_third(
            spec.template, spec.title, spec.subtitle, look_of(spec, limits), side=spec.side, size=canvas.shown
        )
        # What is on for a short while comes and goes within it.
        settled = self._scene.settled
        self._hurry = max(Fraction(1), settled * (1 + 1 / self._LEAVES) / (spec.end - spec.start))
        self._box = _on_canvas(self._scene.region, canvas)
        self._placer = placer_for(self._box, canvas)
        self._last: tuple[Fraction, Patch] | None = None

    def __call__(self, frame: av.VideoFrame, time: Fraction) -> av.VideoFrame:
        frame.make_writable()
        self._patch(self._moment(time)).lay(frame)
        return frame

    def _moment(self, time: Fraction) -> Fraction:
        """The time of the scene: on from 0, and back to 0 at the end."""
        come, left = time - self.start, (self.end - time) * self._LEAVES
        return min(come * self._hurry, left * self._hurry, self._scene.settled)

    def _patch(self, moment: Fraction) -> Patch:
        if self._last is None or self._last[0] != moment:
            samples = scaled(self._scene.layer(moment), self._box[2:])
            self._last = moment, Patch(samples, self._box, self._canvas, self._placer)
        return self._last[1]


def _on_canvas(region: tuple[int, int, int, int], canvas: Canvas) -> Box:
    """A region of the picture in square pixels on that of the canvas, on even pixels."""
    width, height, _ = canvas.upright
    across, down = Fraction(width, canvas.shown[0]), Fraction(height, canvas.shown[1])
    left, top = round(region[0] * across / 2) * 2, round(region[1] * down / 2) * 2
    right, bottom = round(region[2] * across / 2) * 2, round(region[3] * down / 2) * 2
    return left, top, max(min(right, width) - left, 2), max(min(bottom, height) - top, 2)
