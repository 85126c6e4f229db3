"""Proof of a branded video of which the body was copied, read back from the finished file.

By the index, as in a smart cut (`media.smartcut.whole`): every picture is shown when it should be, every copied sample
begins and ends as it was read, encoded sound has no gap and is as long as the picture. Within a second of each place
where cards, crossfades, painted and copied stretches meet, the pictures are decoded and compared in step: copied ones
with the body's, to the bit; encoded ones at 40 dB (PSNR of luma) or more; drawn ones by their thumbs, also around each
place where painted segments meet that were encoded elsewhere. The body's sound is found again by correlation.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from media.brand.listen import sound_offset
from media.brand.plan import Plan
from media.brand.strip import Strip, thumb
from media.smartcut.certificate import check_index
from media.smartcut.errors import failed
from media.smartcut.frames import Frames
from media.smartcut.index import shown_ticks
from media.smartcut.likeness import identical, psnr
from media.smartcut.result import SeamReport
from media.smartcut.sync import Opened
from media.smartcut.whole import check_length, check_samples
from media.smartcut.witness import MIN_PSNR
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
    are whole, and before which they end; `pictures` is how many of them there are, mixed ones included. `read` are the
    ticks of all pictures of the body that were read, and `painted` lays over one of them what is on at its time."""

    plan: Plan
    unit: Fraction
    strip: Strip
    body: tuple[int, int, int]
    pictures: int
    read: npt.NDArray[np.int64]
    audio_tracks: int
    painted: Callable[[av.VideoFrame], av.VideoFrame]

    @property
    def runs(self) -> list[list[int]]:
        """The ticks of pictures that were not copied, in order, for each stretch between those that were."""
        firsts = [first for first, _ in self.strip.copied]
        found: list[list[int]] = [[] for _ in range(len(firsts) + 1)]
        for tick in sorted([*self.strip.drawn, *self.strip.encoded, *self.strip.laid]):
            found[bisect_right(firsts, tick)].append(tick)
        return found


def prove(
    source: Opened, target: Path, claim: Claim, *, threads: int, on_work: Callable[[], None]
) -> tuple[SeamReport, ...]:
    """Check `target` against the opened body.

    Raises:
        NotCuttable: certificate_failed, with what does not hold.
    """
    with target.open("rb") as file, open_source(file, NO_LIMITS) as opened:
        check_index(opened, claim.strip.frames, claim.unit)
        made = Opened(opened, timeline(opened), shown_ticks(file, opened, opened.streams.video[0]))
        _check_times(source, made, claim)
        check_samples(file, opened, claim.strip.marks)
        _check_sound(made, claim)
        original, result = Frames(source, threads, on_work), Frames(made, threads, on_work)
        worst: dict[int, float] = {}
        for start, end in _windows(claim):
            worst |= _compare(result.between(start, end), _expected(original, claim, start, end), claim)
            if result.missing:
                raise failed("a picture beside a card does not decode")
        return tuple(_seams(source, made, claim, worst))


def _check_times(source: Opened, made: Opened, claim: Claim) -> None:
    """Every picture of the body is there, at the tick that follows from its own; by the body's index, which knows also
    of what cannot be read."""
    given = claim.read if source.shown is None else source.shown
    there = int((given < claim.body[2]).sum())
    if there != claim.pictures:
        raise failed(f"the video has {there} pictures, {claim.pictures} of them were written")
    first, end, _ = claim.body
    whole = given[(given >= first) & (given < end)]
    wanted = np.array(sorted({*claim.strip.drawn, *(claim.strip.place(int(tick)) for tick in whole)}), np.int64)
    if made.shown is None or not np.array_equal(np.sort(made.shown), wanted):
        raise failed("a picture is not shown when it should be")


def _check_sound(made: Opened, claim: Claim) -> None:
    if len(made.line.audio) != claim.audio_tracks:
        raise failed(f"it has {len(made.line.audio)} sound tracks instead of {claim.audio_tracks}")
    for track in made.line.audio:
        times = np.array([entry.timestamp for entry in track.index_entries], np.int64)
        check_length(times, track, claim.plan.duration)


def _windows(claim: Claim) -> list[tuple[int, int]]:
    """Ticks around the places where what is shown changes its kind: cards, what is painted, what is copied."""
    around, plan = math.ceil(_AROUND / claim.unit), claim.plan
    strip = claim.strip
    changes = [(round(start / claim.unit), round(end / claim.unit)) for start, end in plan.changes]
    changes += [(tick, tick) for stretch in (*strip.copied, *strip.inlays) for tick in stretch]
    # A painted stretch may be long: its ends are looked at, and all pictures beside it that were encoded as they are.
    changes += [(tick, tick) for tick in strip.encoded]
    changes += [(tick, tick) for run in _consecutive(sorted(strip.drawn), around) for tick in (run[0], run[-1])]
    found: list[tuple[int, int]] = []
    for start, end in sorted((start - around, end + around) for start, end in changes):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def _consecutive(ticks: Sequence[int], apart: int) -> Iterator[list[int]]:
    """Stretches of ticks with less than `apart` between them."""
    run: list[int] = []
    for tick in ticks:
        if run and tick - run[-1] > apart:
            yield run
            run = []
        run.append(tick)
    if run:
        yield run


Expected = tuple[int, av.VideoFrame | None]
"""A tick of the output, and the body's frame that is shown then; None for a drawn one."""


def _expected(source: Frames, claim: Claim, start: int, end: int) -> Iterator[Expected]:
    """All pictures between two ticks of the output."""

    def body() -> Iterator[Expected]:
        low, high = claim.strip.place.inverse(start, end)
        for frame in source.between(max(low, claim.body[0]), min(high, claim.body[1])):
            tick = claim.strip.place(frame.pts or 0)
            if start <= tick < end and tick not in claim.strip.drawn:
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
        if given is None or tick in claim.strip.laid:
            # What others have painted is painted here once more.
            meant = claim.strip.drawn[tick] if given is None else thumb(claim.painted(given))
            if np.abs(thumb(made) - meant).max() > _THUMBS_DIFFER * _steps(made):
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
    """One for each run of pictures that were not copied; sound is listened to where the body is heard alone."""
    plan, runs = claim.plan, claim.runs
    last = max(plan.outro_start - _LISTEN, plan.intro_end)
    for number, frames in enumerate(runs):
        if not frames:
            continue
        at, listened = frames[0] * claim.unit, min(frames[-1] * claim.unit, last)
        if number == 0:
            at, listened = plan.body_start, plan.intro_end
        elif number == len(runs) - 1 and plan.outro_frames:
            at, listened = plan.outro_start, last
        psnrs = [worst[tick] for tick in frames if tick in worst]
        yield SeamReport(at, len(frames), min(psnrs, default=None), _offset(source, made, plan, listened))


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
