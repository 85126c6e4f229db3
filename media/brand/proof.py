"""Proof of a branded video of which the body was copied, read back from the finished file.

The pictures are as many as they should be and decoding times rise. From a second before each place where a card meets
the body to a second after copying begins (or before it ends) the pictures are decoded and compared in step: copied ones
with the body's, to the bit; encoded ones at 40 dB (PSNR of luma) or more; drawn ones by their thumbs. The body's sound
is found again by correlation.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path

import av
import numpy as np

from media.brand.listen import sound_offset
from media.brand.plan import Plan
from media.brand.strip import Strip, thumb
from media.smartcut.certificate import MIN_PSNR, Frames, check_index, identical, psnr
from media.smartcut.errors import failed
from media.smartcut.result import SeamReport
from media.smartcut.sync import Opened
from media.source import open_source
from media.timeline import timeline
from media.types import NO_LIMITS

_AROUND = Fraction(1)
_LISTEN = Fraction(3, 4)
_THUMBS_DIFFER = 5.0
"""How far a mean of a drawn picture's luma may come out from what was drawn, in steps of 8 bits."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What was written: `unit` is the tick of the output; `body` are the ticks of the body between which its pictures
    are whole, and before which they end; `pictures` is how many of them there are, mixed ones included."""

    plan: Plan
    unit: Fraction
    strip: Strip
    body: tuple[int, int, int]
    pictures: int

    @property
    def copied(self) -> tuple[int, int]:
        """The ticks of the output between which nothing was encoded; where nothing was copied, its end."""
        last = max([*self.strip.drawn, *self.strip.encoded], default=0) + 1
        return self.strip.copied or (last, last)


def prove(
    source: Opened, target: Path, claim: Claim, *, threads: int, on_work: Callable[[], None]
) -> tuple[SeamReport, ...]:
    """Check `target` against the opened body.

    Raises:
        NotCuttable: certificate_failed, with what does not hold.
    """
    with target.open("rb") as file, open_source(file, NO_LIMITS) as opened:
        check_index(opened, claim.strip.frames, claim.unit)
        _check_count(source, claim)
        made = Opened(opened, timeline(opened))
        original, result = Frames(source, threads, on_work), Frames(made, threads, on_work)
        worst: dict[int, float] = {}
        for start, end in _windows(claim):
            worst |= _compare(result.between(start, end), _expected(original, claim, start, end), claim)
            if result.missing:
                raise failed("a picture beside a card does not decode")
        return tuple(_seams(source, made, claim, worst))


def _check_count(source: Opened, claim: Claim) -> None:
    """The body's own index knows how many pictures it has, also where a part of them is lost."""
    if source.shown is not None:
        there = int((source.shown < claim.body[2]).sum())
        if there != claim.pictures:
            raise failed(f"the video has {there} pictures, {claim.pictures} of them were written")


def _windows(claim: Claim) -> list[tuple[int, int]]:
    """Ticks around the places where a card meets the body, as far as what is copied and a second more."""
    around, (first, last) = math.ceil(_AROUND / claim.unit), claim.copied
    begin, end = (round(time / claim.unit) for time in (claim.plan.body_start, claim.plan.body_end))
    opening, closing = (begin - around, first + around), (last - around, end + around)
    return [opening, closing] if opening[1] < closing[0] else [(opening[0], max(opening[1], closing[1]))]


Expected = tuple[int, av.VideoFrame | None]
"""A tick of the output, and the body's frame that is shown then; None for a drawn one."""


def _expected(source: Frames, claim: Claim, start: int, end: int) -> Iterator[Expected]:
    """All pictures between two ticks of the output."""

    def body() -> Iterator[Expected]:
        low, high = claim.strip.place.inverse(start, end)
        for frame in source.between(max(low, claim.body[0]), min(high, claim.body[1])):
            tick = claim.strip.place(frame.pts or 0)
            if start <= tick < end:
                yield tick, frame

    drawn: Iterator[Expected] = ((tick, None) for tick in claim.strip.drawn if start <= tick < end)
    return heapq.merge(drawn, body(), key=lambda expected: expected[0])


def _compare(result: Iterator[av.VideoFrame], expected: Iterator[Expected], claim: Claim) -> dict[int, float]:
    """PSNR of the body's encoded pictures by their tick."""
    worst: dict[int, float] = {}
    for made, wanted in zip_longest(result, expected):
        if made is None or wanted is None or made.pts != wanted[0]:
            raise failed("the pictures beside a card are not those that were meant")
        tick, given = wanted
        if made.is_corrupt:
            raise failed("a picture beside a card does not decode")
        if given is None:
            if np.abs(thumb(made) - claim.strip.drawn[tick]).max() > _THUMBS_DIFFER * _steps(made):
                raise failed("a drawn picture does not look as it was drawn")
        elif tick in claim.strip.encoded:
            worst[tick] = psnr(made, given)
            if worst[tick] < MIN_PSNR:
                raise failed(f"an encoded picture is {worst[tick]:.1f} dB from the video")
        elif not identical(made, given):
            raise failed("a copied picture does not decode as in the video")
    return worst


def _steps(frame: av.VideoFrame) -> int:
    """How many steps of a sample make one of 8 bits."""
    return int(1 << max(frame.format.components[0].bits - 8, 0))


def _seams(source: Opened, made: Opened, claim: Claim, worst: dict[int, float]) -> Iterator[SeamReport]:
    plan, (first, last) = claim.plan, claim.copied
    ticks = [*claim.strip.drawn, *claim.strip.encoded]
    for at, frames, listened in (
        (plan.body_start, [tick for tick in ticks if tick < first], plan.intro_end),
        (plan.outro_start, [tick for tick in ticks if tick > last], max(plan.outro_start - _LISTEN, plan.intro_end)),
    ):
        if frames:
            yield SeamReport(
                at,
                len(frames),
                min((worst[tick] for tick in frames if tick in worst), default=None),
                _offset(source, made, plan, listened),
            )


def _offset(source: Opened, made: Opened, plan: Plan, start: Fraction) -> float | None:
    """Milliseconds by which the sound comes after its picture from a time of the output on; the worst of all tracks."""
    end = min(start + _LISTEN, plan.outro_start)
    worst: float | None = None
    for body, output in zip(source.line.audio, made.line.audio, strict=False):
        offset = sound_offset((source, body), (made, output), start, end, shift=plan.body_start)
        if offset is not None:
            if abs(offset) > Fraction(1024, body.rate):
                raise failed(f"sound is {float(offset * 1000):.0f} ms off its picture")
            worst = max(float(offset * 1000), worst if worst is not None else 0.0, key=abs)
    return worst
