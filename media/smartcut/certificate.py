"""Proof of a cut, read back from the finished file: the right frames, at the right times, intact at every seam.

Within a second of every seam, and of both ends of the file, the pictures are decoded from both files and compared in
step: copied ones must be the same to the bit, encoded ones at least 40 dB PSNR (luma) from the source. Copied sound is
found again by its bytes. What lies farther from a seam is proven by the index; see `media.smartcut.whole`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard

from media.barcode import luma_plane
from media.smartcut.edges import decode
from media.smartcut.entry import packets_from
from media.smartcut.errors import CoarseEdges, failed
from media.smartcut.index import shown_ticks
from media.smartcut.pictures import Seam, Span
from media.smartcut.result import SeamReport
from media.smartcut.sync import LISTEN, Opened, sound_offset
from media.smartcut.whole import check_samples, check_sound, check_times
from media.source import open_source
from media.timeline import timeline
from media.types import NO_LIMITS

MIN_PSNR = 40.0
_GARBLED = 25.0
"""dB below which an encoded picture is another one, and not a coarse one."""
_AROUND = Fraction(1)
_SAME = 100.0
"""dB that stand for no difference at all."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a cut says it has written: its ranges and seams in order, frames and seconds in all, and which sound tracks
    (by their place in both files) hold copied packets, with the seconds of a packet; `unit` is the picture's time base.

    `read` and `heard` are, for each range, the ticks of all packets of picture, and of each sound track, that were read
    of the source; `marks` the marks of the samples that were copied (see `media.smartcut.whole`), in decoding order.
    """

    spans: Sequence[Span]
    seams: Sequence[Seam]
    frames: int
    duration: Fraction
    unit: Fraction
    copied_sound: Mapping[int, Fraction]
    read: Sequence[npt.NDArray[np.int64]]
    heard: Sequence[Mapping[int, npt.NDArray[np.int64]]]
    marks: Sequence[int]


def certify(
    source: Opened, target: Path, claim: Claim, *, threads: int, on_work: Callable[[], None]
) -> tuple[SeamReport, ...]:
    """Check `target` against the opened source it was cut from.

    Raises:
        CoarseEdges: an encoded picture is too far from its source, and nothing else was found to fail before it.
        NotCuttable: certificate_failed, with what does not hold.
    """
    with target.open("rb") as file, open_source(file, NO_LIMITS) as opened:
        check_index(opened, claim.frames, claim.unit)
        made = Opened(opened, timeline(opened))
        assert made.line.video is not None
        check_times(shown_ticks(file, opened, made.line.video), source, claim, on_work=on_work)
        check_samples(file, opened, claim.marks, on_work=on_work)
        on_work()
        check_sound(source, made, claim)
        _check_ends(source, made, claim, on_work)
        offsets = [_offset(source, made, claim, seam, on_work) for seam in claim.seams]
        original, result = Frames(source, threads, on_work), Frames(made, threads, on_work)
        worst: dict[int, float] = {}
        for start, end in _windows(claim):
            worst |= _compare(result.between(start, end), _given(original, claim, start, end), claim)
            if result.missing:
                raise failed("a picture near a seam does not decode")
    return tuple(
        SeamReport(
            seam.at * claim.unit,
            len(seam.frames),
            min((worst[at] for at, _ in seam.frames), default=None),
            None if offset is None else float(offset * 1000),
        )
        for seam, offset in zip(claim.seams, offsets, strict=True)
    )


def psnr(made: av.VideoFrame, given: av.VideoFrame) -> float:
    """Peak signal-to-noise ratio of the luma planes, in dB; 100 for equal planes."""
    one, other = luma_plane(made), luma_plane(given)
    if one.shape != other.shape:
        return 0.0
    # Row by row, a sum of squares stays exact enough in 32 bits, which takes half the time of whole numbers.
    difference = one.astype(np.float32)
    difference -= other
    error = float(np.einsum("ij,ij->i", difference, difference).sum(dtype=np.float64)) / difference.size
    peak = (1 << made.format.components[0].bits) - 1
    return _SAME if error == 0 else min(10 * math.log10(peak * peak / error), _SAME)


def check_index(made: InputContainer, frames: int, unit: Fraction) -> None:
    """Check that a file has so many pictures, in ticks of `unit` seconds, and that decoding times rise.

    Raises:
        NotCuttable: certificate_failed.
    """
    video = made.streams.video[0]
    times = [entry.timestamp for entry in video.index_entries]
    if len(times) != frames:
        raise failed(f"{len(times)} pictures were written instead of {frames}")
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise failed("decoding times do not rise")
    if video.time_base != unit:
        raise failed("the time base of the picture is another")


def _windows(claim: Claim) -> Iterator[tuple[int, int]]:
    """Ticks around the seams and at both ends of the file, overlapping ones joined."""
    around = math.ceil(_AROUND / claim.unit)
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


def _offset(source: Opened, made: Opened, claim: Claim, seam: Seam, on_work: Callable[[], None]) -> Fraction | None:
    """The worst offset of sound where the seam begins and after it."""
    return _worst(source, made, claim, {seam.at, max((at for at, _ in seam.frames), default=seam.at) + 1}, on_work)


def _check_ends(source: Opened, made: Opened, claim: Claim, on_work: Callable[[], None]) -> None:
    """Sound is found again also where no seam is."""
    _worst(source, made, claim, {0, max(math.floor((claim.duration - LISTEN) / claim.unit), 0)}, on_work)


def _worst(
    source: Opened, made: Opened, claim: Claim, places: Collection[int], on_work: Callable[[], None]
) -> Fraction | None:
    """The worst offset of copied sound after some ticks of the output."""
    worst: Fraction | None = None
    for number, packet in claim.copied_sound.items():
        for at in places:
            on_work()
            offset = sound_offset(source, made, claim, number, at)
            if offset is not None and abs(offset) > packet:
                raise failed(f"sound is {float(offset * 1000):.0f} ms off its picture")
            worst = max((found for found in (worst, offset) if found is not None), key=abs, default=None)
    return worst


def _compare(
    result: Iterator[av.VideoFrame], source: Iterator[tuple[int, av.VideoFrame]], claim: Claim
) -> dict[int, float]:
    """PSNR of the encoded pictures by their tick."""
    worst: dict[int, float] = {}
    encoded = {at for seam in claim.seams for at, _ in seam.frames}
    for made, given in zip_longest(result, source):
        if made is None or given is None or made.pts != given[0]:
            raise failed("the pictures near a seam are not those of the source")
        if made.is_corrupt:
            raise failed("a picture near a seam does not decode")
        if made.pts in encoded:
            worst[made.pts] = psnr(made, given[1])
            if worst[made.pts] < MIN_PSNR:
                refusal = failed(f"an encoded picture is {worst[made.pts]:.1f} dB from its source")
                raise CoarseEdges(refusal.code, refusal.message) if worst[made.pts] >= _GARBLED else refusal
        elif not identical(made, given[1]):
            raise failed("a copied picture does not decode as in the source")
    return worst


def _given(source: Frames, claim: Claim, start: int, end: int) -> Iterator[tuple[int, av.VideoFrame]]:
    """`(tick of the output, frame of the source)` of everything that should be between two ticks of the output."""
    for span, following in zip(claim.spans, [*claim.spans[1:], None], strict=True):
        begin = round(span.at / claim.unit)
        if begin >= end or (following is not None and following.at / claim.unit <= start):
            continue
        # A frame that was on show before the range began.
        pairs = [pair for seam in claim.seams for pair in seam.frames if pair[0] == begin and pair[1] < span.first]
        for at, tick in pairs if begin >= start else []:
            yield from ((at, frame) for frame in source.between(tick, tick + 1))
        low, high = span.inverse(start, end, claim.unit, source.unit)
        for frame in source.between(max(low, span.first), min(high, span.stop)):
            at = begin if frame.pts == span.moved else span.place(frame.pts or 0)
            if start <= at < end:
                yield at, frame


def identical(made: av.VideoFrame, given: av.VideoFrame) -> bool:
    """Whether two frames are the same to the bit."""
    if (made.width, made.height, made.format.name) != (given.width, given.height, given.format.name):
        return False
    return bool(np.array_equal(made.to_ndarray(), given.to_ndarray()))


class Frames:
    """Decoded frames of the picture of an opened file."""

    def __init__(self, file: Opened, threads: int, on_work: Callable[[], None]) -> None:
        self._container, line = file.container, file.line
        assert line.video is not None
        self._video, self._origin = line.video, line.origin
        self._threads, self._on_work = threads, on_work
        self.unit = line.video.time_base or Fraction(1)
        self.missing = 0
        """How many packets of the last stretch gave no frame."""

    def between(self, first: int, end: int) -> Iterator[av.VideoFrame]:
        """Frames with `first ≤ pts < end`, in presentation order."""
        if first >= end:
            return
        for other in self._container.streams:
            other.discard = Discard.default if other is self._video else Discard.all
        self.missing = 0
        packets = packets_from(self._container, [self._video], first, Fraction(0), self._origin)
        for frame in decode(self._counted(packets, first, end), self._video, self._threads):
            self._on_work()
            if frame.pts is None or frame.pts < first:
                continue
            if frame.pts >= end:
                return
            self.missing -= 1
            yield frame

    def _counted(self, packets: Iterator[Packet[Any]], first: int, end: int) -> Iterator[Packet[Any]]:
        for packet in packets:
            self._on_work()
            self.missing += packet.pts is not None and first <= packet.pts < end
            yield packet
