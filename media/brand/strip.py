"""The picture track of a branded video: drawn, encoded and copied pictures, in the order of their time."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.packet import Packet
from av.video.stream import VideoStream

from media.barcode import luma_plane
from media.smartcut.codec import Codec
from media.smartcut.edges import EdgeEncoder, decode
from media.smartcut.errors import NotCuttable
from media.smartcut.gops import Access, Edge
from media.smartcut.mux import PictureTrack
from media.smartcut.ticks import Ticks
from media.smartcut.whole import ENCODED, mark

Thumb = npt.NDArray[np.float32]
"""The means of a picture's luma on a coarse grid, of shape (9, 16), by which it is known again."""

_STEP = 4
_ROWS, _COLUMNS = 9, 16


class Place:
    """Callable: the tick of the output at which a picture of the body is shown, by its tick in the body.

    `unit` and `tick` are those of body and output in seconds, `shift` how many seconds later than in the body's
    container it is shown. The picture `moved` is shown at tick `first` of the output, if that is earlier.
    """

    def __init__(self, unit: Fraction, tick: Fraction, shift: Fraction, *, moved: int, first: int) -> None:
        self._ticks = Ticks(unit, tick, shift)
        self._unit, self._tick, self._shift = unit, tick, shift
        self.moved, self.first = moved, first

    def __call__(self, pts: int) -> int:
        return self.first if pts == self.moved else self._ticks(pts)

    def time(self, pts: int) -> Fraction:
        """The same in seconds, not rounded to ticks of the output."""
        return self.first * self._tick if pts == self.moved else pts * self._unit + self._shift

    def inverse(self, start: int, end: int) -> tuple[int, int]:
        """From which tick of the body on, and before which one, lies what is shown at `start ≤ tick < end`."""
        low, high = self._ticks.earliest(start), self._ticks.earliest(end)
        return low, max(high, self.moved + 1) if start <= self.first < end else high


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture of the body as it goes into the track, shown at tick `pts` of the body."""

    data: bytes
    pts: int
    key: bool


class Strip:
    """Writes pictures; the `media.smartcut.gops.Writer` of a `RangeCut`.

    `drawn` are those that are not the body's alone, `encoded` those of the body that were encoded, by their tick of the
    output, and `laid` those that were painted and encoded elsewhere. `copied` are the first and the last ticks shown of
    each stretch that was copied, `inlays` those of each that was laid in, `marks` how all samples are known again (see
    `media.smartcut.whole`). Once it `defers_tail`, what is to be encoded after copied pictures is not, but put down in
    `trailing`: it is decoded with what follows.
    """

    def __init__(
        self,
        track: PictureTrack,
        stream: VideoStream,
        codec: Codec,
        encoder: EdgeEncoder,
        *,
        place: Place,
        on_work: Callable[[], None],
    ) -> None:
        self._track, self._stream, self._codec, self._encoder = track, stream, codec, encoder
        self._on_work = on_work
        self._length = Ticks(stream.time_base or Fraction(1, 90_000), track.time_base, Fraction(0))
        self._held: tuple[av.VideoFrame | Sample, int] | None = None
        self._durations: dict[int, int] = {}
        self.place = place
        self.drawn: dict[int, Thumb] = {}
        self.encoded: dict[int, int] = {}
        self.laid: set[int] = set()
        self.inlays: list[tuple[int, int]] = []
        self.copied: list[tuple[int, int]] = []
        self.marks = array("q")
        self.copies = self.painted = self.encoded_ticks = 0
        self._copying = False
        self.defers_tail = False
        self.trailing: Edge | None = None

    @property
    def frames(self) -> int:
        """Pictures written or held back."""
        return self.copies + len(self.drawn) + len(self.encoded) + len(self.laid)

    def draw(self, frame: av.VideoFrame, time: Fraction) -> None:
        """Write a picture of a card, or one mixed with it, shown from second `time` of the output."""
        tick = round(time / self._track.time_base)
        self.drawn[tick] = thumb(frame)
        self._add(frame, tick)

    def paint(self, frame: av.VideoFrame, pts: int) -> None:
        """Write a whole picture of the body on which something was laid."""
        tick = self.place(pts)
        self.drawn[tick] = thumb(frame)
        self.painted += 1
        self._add(frame, tick)

    def lay(self, samples: Iterable[Sample]) -> None:
        """Write a stretch of whole pictures of the body that were painted and encoded elsewhere."""
        for number, sample in enumerate(samples):
            tick = self.place(sample.pts)
            # What was encoded here before is written first.
            self._end_stretch(tick)
            self._held, self._copying = (sample, tick), False
            self.laid.add(tick)
            if not number:
                self.inlays.append((tick, tick))
            self.inlays[-1] = self.inlays[-1][0], tick
            self._on_work()

    def body(self, frame: av.VideoFrame, pts: int) -> None:
        """Encode a picture of the body that lies beside what is copied."""
        tick = self.place(pts)
        self.encoded[tick] = pts
        self._add(frame, tick)

    def expect(self, packets: list[Packet[Any]]) -> None:
        """See `Writer.expect`: nothing waits for it here."""

    def copy(self, access: Access) -> None:
        """Write a picture of the body as it is."""
        tick = self.place(access.pts)
        if not self._copying:
            self._end_stretch(tick)
            self.copied.append((tick, tick))
            self._copying = True
        data = self._codec.entry(access.picture) if access.entry else access.picture.sample
        self._track.write(data, tick, max(self._length(access.duration), 1), key=access.key)
        # What an entry has to lose is lost on purpose.
        self.marks.append(mark(data) if access.entry else access.mark)
        self.copied[-1] = self.copied[-1][0], max(self.copied[-1][1], tick)
        self.copies += 1
        self._on_work()

    def encode(self, edge: Edge) -> None:
        """Decode an edge and encode the wanted frames of it.

        Raises:
            NotCuttable: damaged_pictures, when other frames than wanted come out.
        """
        if self.defers_tail and self._copying:
            self.trailing = edge
            return
        count = 0
        for frame in decode(edge.packets if edge.count else [], self._stream, self._encoder.threads):
            self._on_work()
            if frame.pts is not None and edge.first <= frame.pts < edge.end:
                self.body(frame, frame.pts)
                count += 1
        if count != edge.count:
            raise NotCuttable("damaged_pictures", "Pictures of the video beside a card cannot be decoded.")

    def finish(self, end: Fraction) -> None:
        """No more pictures; the last one is shown to second `end` of the output."""
        self._end_stretch(round(end / self._track.time_base))

    def _add(self, frame: av.VideoFrame, tick: int) -> None:
        self._flush(tick)
        self._held, self._copying = (frame, tick), False
        self._on_work()

    def _flush(self, until: int) -> None:
        """Write what is held back until it is known how long it is shown."""
        if self._held is None:
            return
        (picture, tick), self._held = self._held, None
        length = max(until - tick, 1)
        self.encoded_ticks += length
        if isinstance(picture, Sample):
            self._track.write(picture.data, tick, length, key=picture.key)
            self.marks.append(mark(picture.data))
        else:
            self._durations[tick] = length
            self._write(self._encoder.encode(picture, tick))

    def _end_stretch(self, until: int) -> None:
        self._flush(until)
        self._write(self._encoder.finish())

    def _write(self, samples: Iterator[tuple[bytes, int, bool]]) -> None:
        for data, pts, key in samples:
            self._track.write(data, pts, self._durations.pop(pts), key=key)
            self.marks.append(ENCODED)


def thumb(frame: av.VideoFrame) -> Thumb:
    """What is kept of a picture to know it again; every fourth sample of every fourth row counts."""
    luma = luma_plane(frame)[::_STEP, ::_STEP].astype(np.float64)
    rows = np.add.reduceat(luma, _starts(luma.shape[0], _ROWS), axis=0)
    sums = np.add.reduceat(rows, _starts(luma.shape[1], _COLUMNS), axis=1)
    return (sums / (luma.size / sums.size)).astype(np.float32)


def _starts(length: int, parts: int) -> npt.NDArray[np.int64]:
    return np.unique(np.arange(parts) * length // parts)
