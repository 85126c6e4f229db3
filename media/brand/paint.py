"""What is laid over the body's pictures, each for its time."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

import av

from media.brand.lower import LowerLayer
from media.brand.spec import BrandSpec
from media.brand.watermark import Overlay
from media.errors import InputError
from media.frames import Canvas
from media.types import DEFAULT_LIMITS, Limits

Span = tuple[Fraction, Fraction]
"""From … to before, in seconds of the body."""


class Layer(Protocol):
    """Something that is on from `start` to before `end`, None for the body's end."""

    @property
    def start(self) -> Fraction:
        """Seconds of the body."""
        ...

    @property
    def end(self) -> Fraction | None:
        """Seconds of the body."""
        ...

    def __call__(self, frame: av.VideoFrame, time: Fraction) -> av.VideoFrame:
        """The frame, which may be written to if its buffer may, as it is at a time of the body."""
        ...


class Paint:
    """Callable that lays over a picture of the canvas's format what is on at its time.

    `duration` is that of the body in seconds.

    Raises:
        InputError: the image of a layer cannot be read; as `spans`.
    """

    def __init__(self, spec: BrandSpec, canvas: Canvas, *, duration: Fraction, limits: Limits = DEFAULT_LIMITS) -> None:
        self.spans = spans(spec, duration)
        self._layers: list[Layer] = []
        if spec.watermark is not None:
            self._layers.append(Overlay(spec.watermark, canvas, limits, end=duration))
        self._layers += [LowerLayer(third, canvas, limits) for third in spec.lower_thirds]

    def __call__(self, frame: av.VideoFrame, time: Fraction) -> av.VideoFrame:
        for layer in self._layers:
            if layer.start <= time and (layer.end is None or time < layer.end):
                frame = layer(frame, time)
        return frame


def mostly_painted(spec: BrandSpec, duration: Fraction) -> bool:
    """Whether so much of a body changes that all of it is better encoded, side by side in segments."""
    return sum((end - start for start, end in spans(spec, duration)), Fraction(0)) > duration / 2


def spans(spec: BrandSpec, duration: Fraction) -> tuple[Span, ...]:
    """When something is laid over a body of `duration` seconds: stretches in order that do not meet.

    Raises:
        InputError: overlay_past_end, when it would not be seen at all.
    """
    times: list[tuple[Fraction, Fraction | None]] = []
    if spec.watermark is not None:
        times.append((spec.watermark.start, spec.watermark.end))
    times += [(third.start, third.end) for third in spec.lower_thirds]
    return _united([_inside(start, end, duration) for start, end in times])


def _inside(start: Fraction, end: Fraction | None, duration: Fraction) -> Span:
    if start >= duration:
        raise InputError(
            "overlay_past_end",
            f"What is laid over the picture from {float(start):.3f} s would not be seen: "
            f"the video ends at {float(duration):.3f} s. Start it earlier.",
        )
    return start, duration if end is None else min(end, duration)


def _united(times: Sequence[Span]) -> tuple[Span, ...]:
    found: list[Span] = []
    for start, end in sorted(times):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return tuple(found)
