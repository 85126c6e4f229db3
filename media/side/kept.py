"""Everything beside picture and sound, from a source into an output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from av.container import InputContainer, OutputContainer
from av.packet import Packet

from media.encode import engine_errors
from media.side.captions import Captions, Made, TrackFacts
from media.side.chapters import Chapter, Span, move_chapters, read_chapters, write_chapters
from media.side.covers import Cover, add_cover, read_covers, sign_of_life
from media.side.tags import file_tags, write_tags
from media.side.tracks import TextTrack
from media.timeline import Timeline
from media.types import Notices

# Streams interleave loosely: cues that begin this much before what was read last have all been read.
_LAG = Fraction(5)
_SIGN_EVERY = Fraction(1)


class Written:
    """What is beside picture and sound in an output that has no sample yet; to be made when its other tracks are.

    `units` are the ticks of the pictures and of whatever else text is to be in step with.
    """

    def __init__(
        self,
        output: OutputContainer,
        *,
        facts: Sequence[TrackFacts],
        covers: Sequence[Cover],
        tags: dict[str, str],
        units: Iterable[Fraction],
    ) -> None:
        self._output = output
        known = tuple(units)
        write_tags(output, tags)
        self._tracks = [TextTrack(output, track, (*known, track.unit)) for track in facts]
        self._covers: list[Packet[Any]] = [add_cover(output, cover) for cover in covers]
        self._reached: Fraction | None = None

    def write(self, made: Made) -> None:
        """Append stretches to their tracks."""
        self.start()
        for place, stretch in made:
            self._tracks[place].write(stretch)

    def start(self) -> None:
        """Write what comes before all samples; nothing the second time."""
        if self._reached is None:
            self._reached = Fraction(0)
            self._mux(self._covers)

    def go_on(self, time: Fraction) -> None:
        """The pictures have come to second `time` of the output."""
        if self._reached is not None and time - self._reached >= _SIGN_EVERY:
            self._reached = time
            self._mux([sign_of_life(cover, time) for cover in self._covers])

    def finish(self, chapters: Sequence[Chapter]) -> None:
        """Name the chapters, before the output is closed."""
        self.start()
        if chapters:
            write_chapters(self._output, chapters)

    def _mux(self, packets: Iterable[Packet[Any]]) -> None:
        for packet in packets:
            with engine_errors():
                self._output.mux_one(packet)


class Side:
    """Text subtitles, chapters, covers and tags of a source that was just opened (nothing else was read of it).

        side = Side(container, line, notices)
        side.open(output, units)                  # every track of the output has been added
        for start, end in ranges:
            side.look_back(container, start)      # before the source is positioned
            …  side.take(packet)                  # for packets of the streams at `indexes`
            side.begin(start, at); side.advance(time); side.end(start of the range, its end, at, end in the output)
        side.finish()                             # before the output is closed

    `subtitle_tracks`, `chapters` and `covers` count what was written; without an output, `made` gathers the stretches.
    """

    def __init__(self, container: InputContainer, line: Timeline, notices: Notices) -> None:
        self._notices = notices
        self.pictures = read_covers(container, notices)
        self.captions = Captions(container, line, notices)
        self.tags = file_tags(container)
        self._named = read_chapters(container, line.origin, line.duration, notices)
        self._spans: list[Span] = []
        self._written: Written | None = None
        self._start = self._at = Fraction(0)
        self.chapters = 0
        self.made: Made = []

    @property
    def indexes(self) -> tuple[int, ...]:
        """The streams whose packets are to be taken."""
        return self.captions.indexes

    @property
    def subtitle_tracks(self) -> int:
        """How many text tracks there are."""
        return len(self.captions.indexes)

    @property
    def covers(self) -> int:
        """How many attached pictures there are."""
        return len(self.pictures)

    def streams(self, container: InputContainer) -> list[Any]:
        """As `Captions.streams`."""
        return self.captions.streams(container)

    def look_back(self, container: InputContainer, start: Fraction) -> bool:
        """As `Captions.look_back`."""
        return self.captions.look_back(container, start)

    def take(self, packet: Packet[Any]) -> None:
        """As `Captions.take`."""
        self.captions.take(packet)

    def open(self, output: OutputContainer, units: Iterable[Fraction]) -> None:
        """Add the tracks to an output; `units` as for `Written`."""
        self._written = Written(output, facts=self.captions.facts, covers=self.pictures, tags=self.tags, units=units)

    def begin(self, start: Fraction, at: Fraction) -> None:
        """Second `start` of the source is shown at second `at` of the output, and so on from there."""
        self._start, self._at = start, at
        self._write(self.captions.begin(start, at))

    def advance(self, time: Fraction) -> None:
        """The source has been read up to what is shown at `time` of the output."""
        self._write(self.captions.until(time - _LAG))
        if self._written is not None:
            self._written.go_on(time)

    def end(self, at: Fraction) -> None:
        """The range ends at second `at` of the output."""
        self._write(self.captions.end(at))
        self._spans.append(Span(self._start, self._start + at - self._at, self._at))

    def finish(self, until: Fraction | None = None) -> None:
        """There are no more ranges; the output goes on to second `until`, if that is later."""
        if until is not None:
            self._write(self.captions.begin(Fraction(0), until))
        moved = self.moved_chapters()
        self.chapters = len(moved)
        if self._written is not None:
            self._written.finish(moved)

    def moved_chapters(self) -> list[Chapter]:
        """The chapters of the ranges so far, in the output's time."""
        return move_chapters(self._named, self._spans, self._notices)

    def _write(self, made: Made) -> None:
        if self._written is not None:
            self._written.write(made)
        else:
            self.made += made
