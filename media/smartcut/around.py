"""The pictures around seams and at both ends of a cut, compared with those of its source."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING

import av

from media.smartcut.errors import failed
from media.smartcut.frames import Frames
from media.smartcut.likeness import fingerprint, identical
from media.smartcut.sync import Opened
from media.smartcut.witness import AROUND, Witness

if TYPE_CHECKING:
    from media.smartcut.certificate import Claim

Look = av.VideoFrame | bytes | None
"""A picture, or its fingerprint; None for an encoded one, that was measured when it was made."""


def compare(source: Opened, made: Opened, claim: Claim, *, threads: int, on_work: Callable[[], None]) -> None:
    """Decode what the witness has not seen, of both files, and compare it in step with what it has.

    Raises:
        NotCuttable: certificate_failed.
    """
    assert made.shown is not None
    original, result = Frames(source, threads, on_work), Frames(made, threads, on_work)
    encoded = {at for seam in claim.seams for at, _ in seam.frames}
    shown = sorted(made.shown.tolist())
    for start, end in _windows(claim):
        ticks = shown[bisect_left(shown, start) : bisect_left(shown, end)]
        wanted = _wanted(original, claim, ticks, encoded)
        for one, other in zip_longest(_made(result, claim, ticks), wanted):
            if one is None or other is None or one[0] != other[0]:
                raise failed("the pictures near a seam are not those of the source")
            _check(one[0], one[1], other[1], claim.witness)


def _check(tick: int, made: Look, given: Look, witness: Witness) -> None:
    if isinstance(made, av.VideoFrame) and made.is_corrupt:
        raise failed("a picture near a seam does not decode")
    if given is None:
        if isinstance(made, av.VideoFrame) and fingerprint(made) != witness.prints.get(tick):
            raise failed("an encoded picture does not decode as when it was made")
    elif not _same(made, given):
        raise failed("a copied picture does not decode as in the source")


def _same(made: Look, given: Look) -> bool:
    if isinstance(made, av.VideoFrame) and isinstance(given, av.VideoFrame):
        return identical(made, given)
    one, other = (fingerprint(look) if isinstance(look, av.VideoFrame) else look for look in (made, given))
    return one is not None and one == other


def _windows(claim: Claim) -> Iterator[tuple[int, int]]:
    """Ticks around the seams and at both ends of the file, overlapping ones joined."""
    around = math.ceil(AROUND / claim.unit)
    last = math.ceil(claim.duration / claim.unit)
    places = [(0, 0), *((seam.at, max((at for at, _ in seam.frames), default=seam.at)) for seam in claim.seams)]
    window: tuple[int, int] | None = None
    for first, final in [*places, (last, last)]:
        start, end = first - around, final + around
        if window is not None and start <= window[1]:
            window = (window[0], max(window[1], end))
            continue
        if window is not None:
            yield window
        window = (start, end)
    if window is not None:
        yield window


def _made(result: Frames, claim: Claim, ticks: Sequence[int]) -> Iterator[tuple[int, Look]]:
    """The pictures of the output at its ticks, as they were seen or are seen now."""
    witness, at = claim.witness, 0
    for first, end in _unseen(ticks, witness, math.ceil(AROUND / claim.unit)):
        begin = bisect_left(ticks, first)
        yield from ((tick, witness.prints.get(tick)) for tick in ticks[at:begin])
        at = bisect_left(ticks, end)
        for frame in result.between(first, end):
            yield frame.pts or 0, frame
        if result.missing:
            raise failed("a picture near a seam does not decode")
    yield from ((tick, witness.prints.get(tick)) for tick in ticks[at:])


def _unseen(ticks: Sequence[int], witness: Witness, around: int) -> Iterator[tuple[int, int]]:
    """Stretches of ticks that the witness has not seen, each with what follows for a second."""
    begin = last = None
    for tick in ticks:
        if not witness.seen(tick):
            begin, last = tick if begin is None else begin, tick
        elif begin is not None and last is not None and tick > last + around:
            yield begin, tick
            begin = None
    if begin is not None:
        yield begin, ticks[-1] + 1


def _wanted(source: Frames, claim: Claim, ticks: Sequence[int], encoded: Collection[int]) -> Iterator[tuple[int, Look]]:
    """What the source has to show at ticks of the output."""
    given = claim.witness.given
    # Encoded ones were measured when they were made, and of some copied ones is known what they look like.
    for known, group in groupby(ticks, key=lambda tick: tick in encoded or tick in given):
        run = list(group)
        if known:
            yield from ((tick, None if tick in encoded else given[tick]) for tick in run)
        else:
            yield from _copied(source, claim, run[0], run[-1] + 1)


def _copied(source: Frames, claim: Claim, start: int, end: int) -> Iterator[tuple[int, av.VideoFrame]]:
    """`(tick of the output, frame of the source)` of all that was copied to between two ticks of the output."""
    for span, following in zip(claim.spans, [*claim.spans[1:], None], strict=True):
        begin = round(span.at / claim.unit)
        if begin >= end or (following is not None and following.at / claim.unit <= start):
            continue
        for frame in source.between(*span.given(start, end)):
            at = begin if frame.pts == span.moved else span.place(frame.pts or 0)
            if start <= at < end:
                yield at, frame
