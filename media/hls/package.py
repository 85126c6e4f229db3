"""Packs finished MP4s as fragments in one file, each a segment of a playlist: nothing is decoded.

    ftyp · moov │ moof · mdat │ moof · mdat │ …
    init          segment 1     segment 2

A segment begins with a keyframe of which nothing before is needed; the sound in it begins within one packet of its
picture. Sound that lies before the beginning, with which encoders warm up, is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np

from media.errors import EngineError
from media.hls.codecs import codec_of, setup_of, shown_size
from media.hls.fragments import Run, fragment, init_segment
from media.hls.index import Rendition, Segment, Span
from media.hls.tracks import Track, read_tracks, renumbered
from media.progress import Meter
from media.smartcut.mux import removed_on_error
from media.types import Progress, no_progress

SEGMENT = Fraction(6)
"""Seconds that a segment lasts at most, where keyframes allow."""
_ROUNDED = Fraction(1, 100)


@dataclass(frozen=True, slots=True)
class Clip:
    """A finished MP4, and at which second of what is packed it plays.

    `sound` is another one, with its sound, and by how many seconds the clock of that is ahead.
    """

    file: BinaryIO
    at: Fraction = Fraction(0)
    sound: tuple[BinaryIO, Fraction] | None = None


@dataclass(frozen=True, slots=True)
class _Lane:
    """A track of a file whose clock is `offset` seconds ahead of that of the clip that it plays with; `own` is whether
    it plays with this clip alone."""

    file: BinaryIO
    track: Track
    offset: Fraction = Fraction(0)
    own: bool = True


def package(
    clips: Iterable[Clip],
    target: Path,
    *,
    segment: Fraction = SEGMENT,
    borders: Sequence[Fraction] | None = None,
    on_progress: Progress = no_progress,
) -> Rendition:
    """Write films that were encoded alike as fragments of one file. On any error `target` does not exist afterwards.

    Packed are the first picture and the first sound track. Segments begin at `borders`, rising seconds of which the
    last is the end; without, there are as few as keyframes and `segment`, the seconds that one lasts at most, allow.

    Raises:
        EngineError: `bad_layout` for what is no finished MP4 of H.264 or HEVC and AAC, or has no keyframe at a border.
    """
    meter = Meter(on_progress)
    with removed_on_error(target), target.open("wb") as out:
        writer = _Writer(out, segment, borders)
        for clip in clips:
            meter.tick()
            writer.add(clip)
        return writer.rendition()


def borders_of(lead: Track, longest: Fraction) -> list[Fraction]:
    """When segments of a track begin, and its end: as many whole groups of pictures each as fit, one at least.

    Raises:
        EngineError: `bad_layout` for pictures that cannot be entered anywhere.
    """
    times = _entries(lead)
    end = Fraction(lead.end, lead.scale)
    borders = times[:1]
    for time, following in zip(times, [*times[1:], end], strict=True):
        if time > borders[-1] and following - borders[-1] > longest + _ROUNDED:
            borders.append(time)
    return [*borders, end]


class _Writer:
    def __init__(self, out: BinaryIO, segment: Fraction, borders: Sequence[Fraction] | None) -> None:
        self._out, self._longest, self._borders = out, segment, borders
        self._segments: list[Segment] = []
        self._tracks: list[Track] = []
        self._pictures, self._shown_for = 0, Fraction(0)

    def add(self, clip: Clip) -> None:
        header, found = read_tracks(clip.file)
        lanes = [_Lane(clip.file, track) for track in found]
        if clip.sound is not None:
            file, ahead = clip.sound
            heard = [renumbered(one, found[0].number + 1) for one in read_tracks(file)[1] if one.kind == b"soun"]
            lanes = [lanes[0], *(_Lane(file, track, ahead, own=False) for track in heard)]
        tracks = [lane.track for lane in lanes]
        if not self._tracks:
            self._tracks = tracks
            self._out.write(init_segment(header, tracks))
            self._init = self._out.tell()
        _check(tracks, self._tracks)
        lead = tracks[0]
        for runs, start, end in _runs(lanes, clip.at, self._inside(lead, clip.at)):
            place = self._out.tell()
            self._out.write(fragment(len(self._segments) + 1, runs))
            for run in runs:
                _copy(run, self._out)
            self._segments.append(Segment(place, self._out.tell() - place, clip.at + start, end - start))
        if lead.kind == b"vide":
            self._pictures += len(lead.sizes)
            self._shown_for += Fraction(lead.end - int(lead.decoded[0]), lead.scale)

    def _inside(self, lead: Track, at: Fraction) -> list[Fraction]:
        """The borders within a clip, on its own clock."""
        if self._borders is None:
            return borders_of(lead, self._longest)
        end = Fraction(lead.end, lead.scale)
        found = [border - at for border in self._borders[:-1] if at <= border < at + end]
        if lead.kind == b"vide" and not {*found} <= {*_entries(lead)}:
            raise EngineError("bad_layout", "The finished film cannot be cut into segments: a keyframe is missing.")
        return [*found, end]

    def rendition(self) -> Rendition:
        if not self._tracks:
            raise EngineError("bad_layout", "There is no film to be cut into segments.")
        lead = self._tracks[0]
        moving = lead.kind == b"vide"
        return Rendition(
            init=Span(0, self._init),
            codecs=",".join(codec_of(track.entry) for track in self._tracks),
            size=shown_size(lead.box, lead.entry) if moving else None,
            rate=(self._pictures / self._shown_for).limit_denominator(1001) if moving else None,
            segments=tuple(self._segments),
        )


def _check(tracks: Sequence[Track], first: Sequence[Track]) -> None:
    if [setup_of(track.entry) for track in tracks] != [setup_of(track.entry) for track in first]:
        raise EngineError("bad_layout", "The finished films cannot be packed together: they differ in format.")


def _entries(lead: Track) -> list[Fraction]:
    # Of an open group the first pictures shown come after its keyframe and need the group before.
    closed = np.minimum.accumulate(lead.shown[::-1])[::-1] == lead.shown
    entries = np.nonzero(lead.keys & closed & (lead.shown >= 0))[0]
    if not len(entries):
        raise EngineError("bad_layout", "The finished film cannot be cut into segments: it cannot be entered.")
    return [Fraction(int(lead.shown[entry]), lead.scale) for entry in entries]


def _runs(
    lanes: Sequence[_Lane], at: Fraction, borders: Sequence[Fraction]
) -> Iterator[tuple[list[Run], Fraction, Fraction]]:
    """Yield, for each segment, the samples of each track, and when it begins and ends."""
    cuts = [_cuts(lane, borders) for lane in lanes]
    for number, (start, end) in enumerate(pairwise(borders)):
        runs = [
            Run(lane.file, lane.track, slice(*cut), round((at - lane.offset) * lane.track.scale))
            for lane, cut in zip(lanes, (cut[number : number + 2] for cut in cuts), strict=True)
            if cut[0] < cut[1]
        ]
        yield runs, start, end


def _cuts(lane: _Lane, borders: Sequence[Fraction]) -> list[int]:
    """The sample with which each segment begins: the keyframe there, or the first sound that begins there. The last
    one takes all that is left of a clip's own tracks, and of other sound what begins before the clip ends."""
    track = lane.track
    pictures = track.kind == b"vide"
    order = np.maximum.accumulate(np.where(track.keys, track.shown, -1)) if pictures else track.shown
    # What is nearer than half a packet belongs to it.
    slack = 0 if pictures else int(track.lasts[0]) // 2
    ticks = [max(round((border + lane.offset) * track.scale) - slack, 0) for border in borders]
    cuts = [int(cut) for cut in np.searchsorted(order, ticks)]
    return [*cuts[:-1], len(track.sizes)] if lane.own else cuts


def _copy(run: Run, target: BinaryIO) -> None:
    """Copy samples, those that lie side by side at once."""
    places, sizes = run.track.places[run.samples], run.track.sizes[run.samples]
    breaks = np.nonzero(places[1:] != places[:-1] + sizes[:-1])[0] + 1
    for first, last in pairwise([0, *breaks, len(sizes)]):
        run.file.seek(int(places[first]))
        target.write(run.file.read(int(sizes[first:last].sum())))
