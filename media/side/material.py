"""What is beside picture and sound, read on its own and already in the output's time: for an output that is put
together without its source."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.stream import Discard

from media.progress import Meter
from media.ranges import resolve
from media.side.captions import TrackFacts
from media.side.chapters import Chapter, Span
from media.side.covers import Cover
from media.side.kept import Side, Written
from media.side.lane import Stretch
from media.source import open_source
from media.timeline import Timeline, timeline
from media.types import DEFAULT_LIMITS, Limits, Notice, Notices, Progress, Range, no_progress

# Streams interleave loosely: how far behind the end of a range the cues of the range may still come.
_MARGIN = Fraction(5)


@dataclass(frozen=True, slots=True)
class SideMaterial:
    """Text tracks with their stretches in order, chapters, covers and tags; times in seconds of the output."""

    tracks: tuple[TrackFacts, ...] = ()
    stretches: tuple[tuple[Stretch, ...], ...] = ()
    chapters: tuple[Chapter, ...] = ()
    covers: tuple[Cover, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    warnings: tuple[Notice, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; times are exact fractions, pictures base64."""
        return {
            "tracks": [
                {
                    "language": track.language,
                    "title": track.title,
                    "disposition": track.disposition,
                    "unit": str(track.unit),
                    "stretches": [[str(item.start), str(item.end), item.text] for item in items],
                }
                for track, items in zip(self.tracks, self.stretches, strict=True)
            ],
            "chapters": [[str(item.start), str(item.end), item.title] for item in self.chapters],
            "covers": [
                [item.codec, item.width, item.height, base64.b64encode(item.data).decode()] for item in self.covers
            ],
            "tags": dict(self.tags),
            "warnings": [warning.to_dict() for warning in self.warnings],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> SideMaterial:
        """Read what `to_dict` wrote."""
        tracks = document["tracks"]
        return cls(
            tuple(TrackFacts(t["language"], t["title"], t["disposition"], Fraction(t["unit"])) for t in tracks),
            tuple(tuple(Stretch(Fraction(a), Fraction(b), text) for a, b, text in t["stretches"]) for t in tracks),
            tuple(Chapter(Fraction(a), Fraction(b), title) for a, b, title in document["chapters"]),
            tuple(Cover(codec, w, h, base64.b64decode(data)) for codec, w, h, data in document["covers"]),
            tuple(document["tags"].items()),
            tuple(Notice(**warning) for warning in document["warnings"]),
        )


class MaterialWriter:
    """Writes material into an output along with its pictures; `units` as for `Written`."""

    def __init__(self, material: SideMaterial, output: OutputContainer, units: Iterable[Fraction]) -> None:
        self._material = material
        self._written = Written(
            output, facts=material.tracks, covers=material.covers, tags=dict(material.tags), units=units
        )
        ordered = [(place, item) for place, items in enumerate(material.stretches) for item in items]
        self._left = sorted(ordered, key=lambda made: made[1].start, reverse=True)

    def advance(self, time: Fraction) -> None:
        """Write what begins at or before a time of the output."""
        while self._left and self._left[-1][1].start <= time:
            self._written.write([self._left.pop()])
        self._written.go_on(time)

    def finish(self) -> None:
        """Write all that is left, before the output is closed."""
        while self._left:
            self._written.write([self._left.pop()])
        self._written.finish(self._material.chapters)


def read_material(
    source: BinaryIO,
    keep: Sequence[Range],
    *,
    limits: Limits = DEFAULT_LIMITS,
    on_progress: Progress = no_progress,
) -> SideMaterial:
    """Read what goes along with the ranges of a source, in the order given, one after the other.

    Of files with an index of their samples (MP4, MOV) only the text is read, of others the ranges, if there is text.

    Raises:
        InputError: as `open_source`, and unsupported_codec, invalid_range, range_past_end.
    """
    notices = Notices()
    with open_source(source, limits) as container:
        line = timeline(container)
        ranges = resolve(keep, line.duration, 1 / line.rate)
        meter = Meter(on_progress, sum((end - start for start, end in ranges), Fraction(0)))
        side = Side(container, line, notices)
        at = Fraction(0)
        for start, end in ranges:
            side.begin(start, at)
            if side.indexes:
                _read(side, container, line, Span(start, end, at), meter)
            at += end - start
            side.end(at)
            meter.report(at)
        side.finish()
        meter.finish()
    places = range(side.subtitle_tracks)
    return SideMaterial(
        side.captions.facts,
        tuple(tuple(item for place, item in side.made if place == wanted) for wanted in places),
        tuple(side.moved_chapters()),
        tuple(side.pictures),
        tuple(side.tags.items()),
        tuple(notices),
    )


def _read(side: Side, container: InputContainer, line: Timeline, span: Span, meter: Meter) -> None:
    """Read the text of one range."""
    texts = side.streams(container)
    side.look_back(container, span.start)
    indexed = container.format.name.startswith("mov")
    anchor: Any = line.video or line.audio[0]
    wanted = texts if indexed else [anchor, *texts]
    for stream in container.streams:
        stream.discard = Discard.default if any(stream is item for item in wanted) else Discard.all
    # Sound and pictures tell where a file without an index is; text alone may be silent to its end.
    far = span.end if indexed else span.end + _MARGIN
    passed: set[int] = set()
    _enter(container, wanted[0], span.start + line.origin)
    for packet in container.demux(*wanted):
        meter.tick()
        if not packet.size or packet.pts is None:
            continue
        time = packet.pts * packet.time_base - line.origin
        if packet.stream_index in side.indexes:
            side.take(packet)
        side.advance(span.at + min(time, span.end) - span.start)
        if time >= far:
            passed.add(packet.stream_index)
        if len(passed) == len(wanted) or (passed and not indexed):
            return


def _enter(container: InputContainer, stream: Any, time: Fraction) -> None:
    try:
        container.seek(math.floor(time / (stream.time_base or Fraction(1))), stream=stream)
    except FFmpegError:
        container.seek(0)
