"""The picture track of a cut: copied and encoded stretches, one after the other on the output's clock."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
from av.packet import Packet
from av.video.stream import VideoStream

from media.ranges import LITTLE_TO_COPY
from media.smartcut.codec import Codec
from media.smartcut.edges import EdgeEncoder, decode
from media.smartcut.errors import NotCuttable
from media.smartcut.gops import Access, Edge, RangeCut
from media.smartcut.mux import PictureTrack
from media.smartcut.ticks import Ticks
from media.smartcut.whole import CARRIED, ENCODED, mark
from media.smartcut.witness import AROUND, Witness
from media.specs import HDR_SIDE_DATA
from media.tables import Flags, Ints

# A range in which no frame begins, or none for longer than this, begins with the frame that is on show.
_HOLD = Fraction(1)


@dataclass(slots=True)
class Seam:
    """A place of the output where copying is interrupted: from tick `at` on, `frames` were encoded, as pairs of their
    tick in the output and in the source; none where two copied stretches meet."""

    at: int
    frames: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Span:
    """A range as it was cut: ticks of the source from `first` to before `stop`, shown from `at` seconds on; `place`
    gives the output's tick of a source's tick, but for a picture that was moved to the very start, named by `moved`."""

    first: int
    stop: int
    at: Fraction
    place: Ticks
    moved: int | None

    def given(self, start: int, end: int) -> tuple[int, int]:
        """From which tick of the source on, and before which one, lies what goes to `start ≤ tick < end` of the output;
        the picture that was moved may lie there too."""
        low, high = max(self.place.earliest(start), self.first), min(self.place.earliest(end), self.stop)
        return low, high if self.moved is None else max(high, self.moved + 1)


class Pictures:
    """Copies and encodes what the `RangeCut`s give it, `most` frames; `seams` and `spans` tell what was done,
    `marks` how the samples that were copied are known again."""

    def __init__(
        self,
        track: PictureTrack,
        stream: VideoStream,
        codec: Codec,
        encoder: EdgeEncoder,
        *,
        witness: Witness,
        most: int,
        on_work: Callable[[], None],
    ) -> None:
        self._witness = witness
        self._track, self._stream, self._codec, self._encoder = track, stream, codec, encoder
        self._most, self._on_work = most, on_work
        self._unit = stream.time_base or Fraction(1, 90_000)
        self._length = Ticks(self._unit, track.time_base, Fraction(0))
        self._durations: dict[int, int] = {}
        self._open: Seam | None = None
        self._cut: RangeCut | None = None
        self._span: Span | None = None
        self._held = False
        self._at = Fraction(0)
        self.seams: list[Seam] = []
        self.spans: list[Span] = []
        self.marks = array("q")
        self.copied = self.encoded = 0
        self.encoded_ticks = self._before = 0
        self.hdr = False
        """Whether the frames that were encoded have told how light was graded, which nothing tells of them any more."""

    def begin(self, cut: RangeCut, at: Fraction) -> None:
        """The next range is shown from `at` seconds on."""
        self._cut, self._at, self._span, self._held = cut, at, None, False
        self._before = self.copied + self.encoded

    @property
    def start(self) -> int | None:
        """The tick of the source with which the current range begins, once it is known."""
        return None if self._span is None else self._span.first

    def end(self, stop: int) -> Span | None:
        """The current range ends before `stop`; None when it has no picture."""
        if self._span is None or self.copied + self.encoded == self._before:
            return None
        span = Span(self._span.first, stop, self._at, self._span.place, self._span.moved)
        self.spans.append(span)
        return span

    def finish(self) -> None:
        """No more ranges."""
        self._close()
        self._witness.finish()

    def require_few(self, count: int) -> None:
        """Check that `count` more frames may be encoded.

        Raises:
            NotCuttable: little_to_copy.
        """
        if self.encoded + count > self._most:
            raise NotCuttable("little_to_copy", LITTLE_TO_COPY)

    def copy(self, access: Access) -> None:
        """Write a picture of the source as it is."""
        encoding = self._open is not None
        if encoding:
            self._close()
        pts = self._place(access.pts)
        if access.entry and self.spans and not encoding:
            self.seams.append(Seam(pts))
        data = self._codec.entry(access.picture) if access.entry else access.picture.sample
        self._track.write(data, pts, max(self._length(access.duration), 1), key=access.key)
        self._witness.write(data, pts)
        # What an entry has to lose is lost on purpose.
        self.marks.append(mark(data) if access.entry else access.mark)
        self.copied += 1
        self._on_work()

    @property
    def place(self) -> Ticks | None:
        """Gives the output's tick of a tick of the range, while pictures are copied and nothing else is done."""
        copying = self._span is not None and self._open is None and self._witness.idle and self._track.steady
        return self._span.place if copying and self._span is not None else None

    def carry(self, places: Ints, keys: Flags, starts: Ints, sizes: Ints) -> None:
        """Samples that lie in the file from bytes `starts` on are shown at ticks `places` of the output.

        Raises:
            NotCuttable: reorder_changes.
        """
        self._track.carry(places, keys, starts, sizes)
        self._witness.skip(len(places))
        self.marks.extend([CARRIED] * len(places))
        self.copied += len(places)

    def expect(self, packets: list[Packet[Any]]) -> None:
        """Where the range begins, and whether with the frame already on show: `packets` are those of its edge."""
        assert self._cut is not None
        first, start = self._cut.first, self._cut.start
        still = ((self._cut.end if first is None else first) - start) * self._unit
        before = any(packet.pts is not None and packet.pts < start for packet in packets)
        self._held = before and (first is None or still > _HOLD)
        gap = first is not None and first - start > self._cut.interval
        begin = start if gap or first is None else first
        self._span = Span(
            begin,
            self._cut.end,
            self._at,
            Ticks(self._unit, self._track.time_base, self._at - begin * self._unit),
            first if gap and not self._held else None,
        )

    def encode(self, edge: Edge) -> None:
        """Decode an edge and write the wanted frames of it.

        Raises:
            NotCuttable: damaged_pictures, when other frames than wanted come out; no_timestamps; little_to_copy.
        """
        self.require_few(edge.count)
        if self._span is None:
            self.expect(edge.packets)
        held, self._held = self._held, False
        if not edge.count and not held:
            return
        count = 0
        pending: tuple[av.VideoFrame, int, int] | None = None
        for frame, pts in self._wanted(edge, held=held):
            place = self._place(pts) if pts >= edge.first else round(self._at / self._track.time_base)
            count += pts >= edge.first
            if pending is not None:
                self._encode(*pending, place)
            pending = (frame, place, pts)
        if count != edge.count or pending is None:
            raise NotCuttable("damaged_pictures", "Pictures of the source near a cut cannot be decoded.")
        self._encode(*pending, self._place(edge.stop))

    def _wanted(self, edge: Edge, *, held: bool) -> Iterator[tuple[av.VideoFrame, int]]:
        before: tuple[av.VideoFrame, int] | None = None
        latest: int | None = None
        for frame in decode(edge.packets, self._stream, self._encoder.threads):
            self._on_work()
            if frame.pts is None:
                continue
            if latest is not None and frame.pts <= latest:
                raise NotCuttable("no_timestamps", "The times of the source's pictures do not fit their order.")
            latest = frame.pts
            if frame.pts >= edge.end:
                break
            if frame.pts < edge.first:
                before = (frame, frame.pts)
                self._near(frame, frame.pts, edge.first)
                continue
            if held and before is not None:
                yield before
                held = False
            yield frame, frame.pts
        if held and before is not None:
            yield before

    def _near(self, frame: av.VideoFrame, pts: int, first: int) -> None:
        """A frame shown before an edge: of what was copied there, the certificate wants to know what it looks like."""
        assert self._span is not None
        if pts >= self._span.first and (first - pts) * self._unit <= AROUND:
            self._witness.near(self._place(pts), frame)

    def _encode(self, frame: av.VideoFrame, place: int, source: int, following: int) -> None:
        if self._open is None:
            self._open = Seam(place)
            self.seams.append(self._open)
        self._open.frames.append((place, source))
        self._durations[place] = max(following - place, 1)
        self._witness.expect(place, frame)
        if not self.encoded:
            # Of the first one alone: PyAV ties a frame whose side data was asked for to itself, and it stays in memory.
            self.hdr = any(kind in frame.side_data for kind in HDR_SIDE_DATA)
        self.encoded += 1
        self.encoded_ticks += self._durations[place]
        self._write(self._encoder.encode(frame, place))

    def _close(self) -> None:
        self._write(self._encoder.finish())
        self._open = None

    def _write(self, samples: Iterator[tuple[bytes, int, bool]]) -> None:
        for data, pts, key in samples:
            self._track.write(data, pts, self._durations.pop(pts), key=key)
            self._witness.write(data, pts)
            self.marks.append(ENCODED)

    def _place(self, pts: int) -> int:
        assert self._span is not None
        if pts == self._span.moved:
            return round(self._at / self._track.time_base)
        return self._span.place(pts)
