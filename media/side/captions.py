"""Text subtitles of a source, read while its pictures and sound are read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream

from media.side.lane import Lane, Stretch
from media.side.tags import language_of, title_of
from media.side.text import CODECS, plain_text, shortened
from media.timeline import Timeline
from media.types import Notices

MAX_TRACKS = 32
LOOK_BACK = Fraction(15)
"""Seconds before a range that are searched for cues still on show, in files that do not list them."""
FARTHEST = Fraction(60)
"""The same in files that do."""

_ON_SHOW = 4
_KEPT = Disposition.default | Disposition.forced | Disposition.hearing_impaired | Disposition.captions
_NAMES = {"pgssub": "PGS", "dvbsub": "DVB", "dvdsub": "DVD", "xsub": "XSUB", "cc_dec": "CEA-608"}
_BITMAPS = frozenset({"pgssub", "dvbsub", "dvdsub", "xsub"})

Made = list[tuple[int, Stretch]]
"""Stretches with the place of their track."""


@dataclass(frozen=True, slots=True)
class TrackFacts:
    """A text track: what is kept of its source's. `unit` is the source's tick in seconds."""

    language: str | None
    title: str | None
    disposition: int
    unit: Fraction


class Captions:
    """The text tracks of a source that was just opened; the others are noticed by name.

    `take` gets every packet of the streams at `indexes`, roughly in order; `begin`, `until` and `end` tell of the
    output's time and give what is certain, as `Lane` does.
    """

    def __init__(self, container: InputContainer, line: Timeline, notices: Notices) -> None:
        self._origin, self._notices = line.origin, notices
        subtitles = [stream for stream in container.streams if stream.type == "subtitle"]
        texts = [stream for stream in subtitles if _codec(stream) in CODECS][:MAX_TRACKS]
        self.indexes = tuple(stream.index for stream in texts)
        self.facts = tuple(_facts(stream) for stream in texts)
        self._lanes = {stream.index: Lane() for stream in texts}
        self._codecs = {stream.index: _codec(stream) for stream in texts}
        anchor = line.video or line.audio[0]
        self._anchor = anchor.index
        _note_others([stream for stream in subtitles if stream.index not in self._lanes], notices)

    def streams(self, container: InputContainer) -> list[Any]:
        """The text tracks in a container of the same file."""
        return [container.streams[index] for index in self.indexes]

    def look_back(self, container: InputContainer, start: Fraction) -> bool:
        """Read what came on before a range and may still be on show at its start, as far as the file tells where that
        is or `LOOK_BACK` reaches; the container then stands elsewhere, which is answered.

        A seek in an MP4 finds the sample on show by itself.
        """
        if not self.indexes or start <= 0 or container.format.name.startswith("mov"):
            return False
        try:
            self._read_back(container, start)
        except FFmpegError:
            # What cannot be read here is met, and judged, when the range is read.
            return True
        return True

    def take(self, packet: Packet[Any]) -> None:
        """Read a packet of a text track."""
        if packet.pts is None or not packet.size:
            return
        lane, unit = self._lanes[packet.stream_index], packet.time_base
        start = packet.pts * unit - self._origin
        text = plain_text(self._codecs[packet.stream_index], bytes(packet))
        kept = shortened(text)
        if kept != text:
            self._notices.add("subtitles_shortened", "A subtitle is longer than can be shown; its end is cut off.")
        lane.put(start, start + packet.duration * unit if packet.duration and packet.duration > 0 else None, kept)
        if lane.lost:
            self._notices.add(
                "subtitles_incomplete", "Some subtitles come too many at a time, or too late in the file, to be kept."
            )

    def begin(self, start: Fraction, at: Fraction) -> Made:
        """As `Lane.begin`, for every track."""
        return [(place, item) for place, lane in self._all() for item in lane.begin(start, at)]

    def until(self, time: Fraction) -> Made:
        """As `Lane.until`."""
        return [(place, item) for place, lane in self._all() for item in lane.until(time)]

    def end(self, at: Fraction) -> Made:
        """As `Lane.end`."""
        return [(place, item) for place, lane in self._all() for item in lane.end(at)]

    def _all(self) -> Iterator[tuple[int, Lane]]:
        return enumerate(self._lanes[index] for index in self.indexes)

    def _read_back(self, container: InputContainer, start: Fraction) -> None:
        anchor = container.streams[self._anchor]
        unit = anchor.time_base or Fraction(1)
        # The list of a Matroska file is read with the first seek.
        container.seek(math.floor((start + self._origin) / unit), stream=anchor)
        back = self._earliest(container, start)
        if back is None:
            return
        container.seek(math.floor((max(back, Fraction(0)) + self._origin) / unit), stream=anchor)
        texts: Sequence[Any] = [anchor, *self.streams(container)]
        for packet in container.demux(*texts):
            stamp = packet.pts if packet.dts is None else packet.dts
            if packet.size and stamp is not None and stamp * packet.time_base - self._origin >= start:
                return
            if packet.stream_index in self._lanes:
                self.take(packet)

    def _earliest(self, container: InputContainer, start: Fraction) -> Fraction | None:
        """Where to look back from; None when the file lists its cues and there is none."""
        listed = [_listed(stream, self._origin) for stream in self.streams(container)]
        if not all(listed):
            return start - LOOK_BACK
        before = [[time for time in times if time < start][-_ON_SHOW:] for times in listed]
        near = [time for times in before for time in times if time >= start - FARTHEST]
        return min(near, default=None)


def _listed(stream: Stream, origin: Fraction) -> list[Fraction]:
    unit = stream.time_base or Fraction(1)
    return sorted(entry.timestamp * unit - origin for entry in stream.index_entries)


def _facts(stream: Stream) -> TrackFacts:
    title = title_of(stream)
    return TrackFacts(
        language_of(stream),
        None if title is None else shortened(title, 255),
        int(stream.disposition & _KEPT),
        stream.time_base or Fraction(1, 1000),
    )


def _codec(stream: Stream) -> str:
    return "" if stream.codec_context is None else stream.codec_context.name


def _note_others(streams: Sequence[Stream], notices: Notices) -> None:
    if not streams:
        return
    told = ", ".join(_described(stream) for stream in streams)
    pictures = all(_codec(stream) in _BITMAPS for stream in streams)
    why = "are pictures, which MP4 cannot hold" if pictures else "cannot be carried over as text"
    notices.add("subtitles_dropped", f"Subtitles that {why}, were left out: {told}.")


def _described(stream: Stream) -> str:
    codec = _codec(stream)
    words = [title_of(stream), language_of(stream), _NAMES.get(codec, codec or "unknown")]
    return f"track {stream.index} ({', '.join(shortened(word, 60) for word in words if word)})"
