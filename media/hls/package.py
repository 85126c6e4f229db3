"""Packs a finished MP4 as fragments in one file, each a segment of a playlist: nothing is decoded.

    ftyp · moov │ moof · mdat │ moof · mdat │ …
    init          segment 1     segment 2

A segment begins with a keyframe of which nothing before is needed; the sound in it begins within one packet of its
picture. Sound that lies before the beginning, with which encoders warm up, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np

from media.errors import EngineError
from media.hls.codecs import codec_of, setup_of, shown_size
from media.hls.fragments import LEAD, Run, fragment, init_segment
from media.hls.index import Rendition, Segment, Span
from media.hls.tracks import Track, read_tracks
from media.progress import Meter
from media.smartcut.mux import removed_on_error
from media.types import Progress, no_progress

SEGMENT = Fraction(6)
"""Seconds that a segment lasts at most, where keyframes allow."""
_ROUNDED = Fraction(1, 100)


@dataclass(frozen=True, slots=True)
class Clip:
    """A finished MP4, and at which second of what is packed it plays."""

    file: BinaryIO
    at: Fraction = Fraction(0)


def package(
    clips: Iterator[Clip] | Sequence[Clip],
    target: Path,
    *,
    segment: Fraction = SEGMENT,
    on_progress: Progress = no_progress,
) -> Rendition:
    """Write films that were encoded alike as fragments of one file. On any error `target` does not exist afterwards.

    Packed are the first picture and the first sound track.

    Raises:
        EngineError: `bad_layout` for what is no finished MP4 of H.264 or HEVC and AAC.
    """
    meter = Meter(on_progress)
    with removed_on_error(target), target.open("wb") as out:
        writer = _Writer(out, segment)
        for clip in clips:
            meter.tick()
            writer.add(clip)
        return writer.rendition()


class _Writer:
    def __init__(self, out: BinaryIO, segment: Fraction) -> None:
        self._out, self._longest = out, segment
        self._segments: list[Segment] = []
        self._tracks: list[Track] = []
        self._pictures, self._shown_for = 0, Fraction(0)

    def add(self, clip: Clip) -> None:
        header, tracks = read_tracks(clip.file)
        if not self._tracks:
            self._tracks = tracks
            self._out.write(init_segment(header, tracks))
            self._init = self._out.tell()
        if [setup_of(track.entry) for track in tracks] != [setup_of(track.entry) for track in self._tracks]:
            raise EngineError("bad_layout", "The finished films cannot be packed together: they differ in format.")
        if any(Fraction(track.reordered, track.scale) > LEAD for track in tracks):
            raise EngineError("bad_layout", "The finished file cannot be cut into segments: it is reordered too far.")
        for runs, start, end in _runs(tracks, clip.at, self._longest):
            place = self._out.tell()
            self._out.write(fragment(len(self._segments) + 1, runs))
            for run in runs:
                _copy(clip.file, self._out, run)
            self._segments.append(Segment(place, self._out.tell() - place, clip.at + start, end - start))
        first = tracks[0]
        if first.kind == b"vide":
            self._pictures += len(first.sizes)
            self._shown_for += Fraction(first.end - int(first.decoded[0]), first.scale)

    def rendition(self) -> Rendition:
        first = self._tracks[0]
        moving = first.kind == b"vide"
        return Rendition(
            init=Span(0, self._init),
            codecs=",".join(codec_of(track.entry) for track in self._tracks),
            size=shown_size(first.box, first.entry) if moving else None,
            rate=(self._pictures / self._shown_for).limit_denominator(1001) if moving else None,
            segments=tuple(self._segments),
        )


def _runs(tracks: Sequence[Track], at: Fraction, longest: Fraction) -> Iterator[tuple[list[Run], Fraction, Fraction]]:
    """Yield, for each segment, the samples of each track, and when it begins and ends."""
    borders = _borders(tracks[0], longest)
    cuts = [_cuts(track, borders) for track in tracks]
    for number in range(len(borders) - 1):
        runs = [
            Run(track, slice(cut[number], cut[number + 1]), round(at * track.scale))
            for track, cut in zip(tracks, cuts, strict=True)
            if cut[number] < cut[number + 1]
        ]
        yield runs, borders[number], borders[number + 1]


def _borders(lead: Track, longest: Fraction) -> list[Fraction]:
    """When segments begin, and the end: as many whole groups of pictures each as fit, one at least."""
    # Of an open group the first pictures shown come after its keyframe and need the group before.
    closed = np.minimum.accumulate(lead.shown[::-1])[::-1] == lead.shown
    entries = np.nonzero(lead.keys & closed & (lead.shown >= 0))[0]
    if not len(entries):
        raise EngineError("bad_layout", "The finished file cannot be cut into segments: it cannot be entered.")
    times = [Fraction(int(lead.shown[entry]), lead.scale) for entry in entries]
    borders = times[:1]
    end = Fraction(lead.end, lead.scale)
    for time, following in zip(times, [*times[1:], end], strict=True):
        if time > borders[-1] and following - borders[-1] > longest + _ROUNDED:
            borders.append(time)
    return [*borders, end]


def _cuts(track: Track, borders: Sequence[Fraction]) -> list[int]:
    """The sample with which each segment begins: the keyframe there, or the first sound that begins there."""
    order = track.shown if track.kind != b"vide" else np.maximum.accumulate(np.where(track.keys, track.shown, -1))
    # What is nearer than half a packet belongs to it.
    slack = 0 if track.kind == b"vide" else int(track.lasts[0]) // 2
    ticks = [max(round(border * track.scale) - slack, 0) for border in borders[:-1]]
    return [*(int(cut) for cut in np.searchsorted(order, ticks)), len(track.sizes)]


def _copy(source: BinaryIO, target: BinaryIO, run: Run) -> None:
    """Copy samples, those that lie side by side at once."""
    places, sizes = run.track.places[run.samples], run.track.sizes[run.samples]
    breaks = np.nonzero(places[1:] != places[:-1] + sizes[:-1])[0] + 1
    for first, last in pairwise([0, *breaks, len(sizes)]):
        source.seek(int(places[first]))
        target.write(source.read(int(sizes[first:last].sum())))
