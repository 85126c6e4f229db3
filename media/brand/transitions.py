"""How one picture gives way to another, sample by sample on the planes of frames as they are stored.

`progress` goes from 0 (the first picture alone) to 1 (the second alone). Pictures are mixed as coded values, as video
mixers do it. What moves is eased (smoothstep), and moves as seen: `direction` is where to, once the picture is upright.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np

from media.brand.spec import Transition
from media.frames import Canvas
from media.pixels import Plane, blank_like, mix, planes

SOFT = Fraction(6, 100)
"""Width of the soft edge of a wipe, as a share of the way it goes."""

_HALF = Fraction(1, 2)


class Blend:
    """Callable: the picture on the way from one frame of the canvas's format to another; a new frame."""

    def __init__(self, transition: Transition, canvas: Canvas) -> None:
        self._transition, self._canvas = transition, canvas
        self._black: av.VideoFrame | None = None

    def __call__(self, first: av.VideoFrame, second: av.VideoFrame, progress: Fraction) -> av.VideoFrame:
        match self._transition.type:
            case "fade":
                return self._through_black(first, second, progress)
            case "wipe":
                return self._moved(first, second, progress, _wipe)
            case "slide":
                return self._moved(first, second, progress, _slide)
            case _:
                return mix(first, second, progress)

    def _through_black(self, first: av.VideoFrame, second: av.VideoFrame, progress: Fraction) -> av.VideoFrame:
        if self._black is None:
            self._black = black(first, full_range=self._canvas.colour.full_range)
        if progress < _HALF:
            return mix(first, self._black, 2 * progress)
        return mix(self._black, second, 2 * progress - 1)

    def _moved(self, first: av.VideoFrame, second: av.VideoFrame, progress: Fraction, move: Move) -> av.VideoFrame:
        made = blank_like(second)
        for target, one, other in zip(planes(made), planes(first), planes(second), strict=True):
            move(self._leftwards(target), self._leftwards(one), self._leftwards(other), eased(progress))
        return made

    def _leftwards(self, plane: Plane) -> Plane:
        """A view of a stored plane in which what is to move in the direction moves to the left."""
        orientation, direction = self._canvas.orientation, self._transition.direction
        view = plane.T if orientation.swaps_sides else plane
        view = view[:, ::-1] if -1 in {orientation.a, orientation.c} else view
        view = view[::-1] if -1 in {orientation.b, orientation.d} else view
        view = view.T if direction in {"up", "down"} else view
        return view[:, ::-1] if direction in {"right", "down"} else view


Move = Callable[[Plane, Plane, Plane, Fraction], None]


def eased(progress: Fraction) -> Fraction:
    """Smoothstep: starts and ends without a jerk."""
    return progress * progress * (3 - 2 * progress)


def black(like: av.VideoFrame, *, full_range: bool) -> av.VideoFrame:
    """A black frame of the same size and format (ITU-R BT.709 and BT.2100: luma 16 of 8 bits in limited range)."""
    made = blank_like(like)
    luma, *chroma = planes(made)
    bits = made.format.components[0].bits
    luma[:] = 0 if full_range else 16 << (bits - 8)
    for plane in chroma:
        plane[:] = 1 << (bits - 1)
    return made


def _wipe(target: Plane, one: Plane, other: Plane, progress: Fraction) -> None:
    """The second picture is uncovered from the right to the left, behind a soft edge."""
    width, soft = target.shape[1], float(SOFT)
    away = 1 - (np.arange(width) + 0.5) / width
    shares = np.clip((float(progress) * (1 + soft) - away) / soft, 0, 1).astype(np.float32)
    target[:] = np.rint(one * (1 - shares) + other * shares)


def _slide(target: Plane, one: Plane, other: Plane, progress: Fraction) -> None:
    """The second picture comes in from the right and pushes the first out."""
    width = target.shape[1]
    gone = round(progress * width)
    target[:, : width - gone] = one[:, gone:]
    target[:, width - gone :] = other[:, :gone]
