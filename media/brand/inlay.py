"""Painted stretches of a body that is copied for the most part, encoded by many, side by side.

    body      │I b b P b b P│I b b P b b P│I b b P b b P│I b b P b b P│
                    painted ────────────────────────────────┘
    segments        └ one ─┘└───── another ─────┘└── … ─────┘
    output     copied P P P  I P P P P P P I P P P  … P P P  edge │ copied

Where a watermark or lower thirds are on for long, though over less than half of a body, the stretches are cut into
segments as those of an exact trim are (`media.segments.plan`), at keyframes of the body. Each is encoded as `splice`
would encode it, under the same parameter sets; `splice` lays the samples into the track when its turn comes, and they
are proved with the rest.
"""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.error import FFmpegError
from av.stream import Discard

from media.brand.body import BodyPackets
from media.brand.paint import Paint, mostly_painted, spans
from media.brand.passage import Passage
from media.brand.plan import card_rate
from media.brand.spec import BrandSpec
from media.brand.stage import NO_PICTURE, body_length, stored_canvas
from media.brand.strip import Sample
from media.errors import InputError
from media.keyframes import keyframe_map
from media.progress import Meter
from media.segments.errors import NotSplittable
from media.segments.pictures import WITHOUT_TIMES
from media.segments.plan import Part, Segment, plan_segments
from media.shown import Shown
from media.side import Side
from media.smartcut.assembly import CRF
from media.smartcut.choose import codec_of
from media.smartcut.edges import EdgeEncoder
from media.smartcut.entry import packets_from
from media.smartcut.errors import NotCuttable
from media.smartcut.index import shown_ticks
from media.smartcut.mux import Output, PictureTrack, unit_of
from media.smartcut.sync import Opened
from media.source import open_source
from media.timeline import Timeline, timeline
from media.types import DEFAULT_LIMITS, NO_LIMITS, Limits, Notices, Progress, Range, no_progress
from media.written import check_written

_SHORTEST = Fraction(1)
"""Seconds; what is painted for less is painted by who splices."""


@dataclass(frozen=True, slots=True)
class PaintedSegment:
    """What was written of a segment: so many `frames`, the first shown at tick `first` of the body, encoded under
    parameter sets whose SHA-256 is `headers`. The file itself begins at 0."""

    frames: int
    first: int
    headers: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> PaintedSegment:
        """Read what `to_dict` wrote."""
        return cls(**document)


def split_painted(
    body: BinaryIO, spec: BrandSpec, *, width: int, limits: Limits = DEFAULT_LIMITS
) -> tuple[Segment, ...] | None:
    """The segments of what is painted, for about `width` workers, in seconds of the body; None where that is short,
    where it is most of the body (`media.brand.segmented`), and where the body cannot be copied.

    Raises:
        InputError: as `open_source`, and no_video, too_long, overlay_past_end.
    """
    with open_source(body, limits) as container:
        line = timeline(container)
        limits.check_duration(line.duration)
        if line.video is None:
            raise InputError("no_video", NO_PICTURE)
        duration = body_length(line, spec)
        if not spec.has_overlays or mostly_painted(spec, duration) or not _can_be_spliced(container.format.name, line):
            return None
        rate, length = line.rate, line.duration
    keep = list(_long(spec, duration, rate))
    if not keep:
        return None
    body.seek(0)
    plan = plan_segments(keyframe_map(body, limits), keep, duration=length, rate=rate, width=width)
    return plan if len(plan) > 1 else None


def paint_segment(
    body: BinaryIO,
    target: Path,
    segment: Segment,
    spec: BrandSpec,
    duration: Fraction,
    *,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 1,
    on_progress: Progress = no_progress,
) -> PaintedSegment:
    """Encode the pictures of one segment of a body that lasts `duration` seconds with what `spec` lays over them, into
    the MP4 `target`. On any error `target` does not exist afterwards.

    Encoders decide a little differently with other numbers of `threads`: all segments should have the same.

    Raises:
        NotCuttable: the body cannot be copied, or pictures of the segment cannot be decoded.
        InputError: as `open_source`, and for what is laid over it.
        EngineError: the encoder failed, certificate_failed.
    """
    meter = Meter(on_progress, sum((part.end - part.start for part in segment.parts), Fraction(0)))
    with ExitStack() as stack:
        container = stack.enter_context(open_source(body, limits))
        line = timeline(container)
        if line.video is None:
            raise InputError("no_video", NO_PICTURE)
        shown = shown_ticks(body, container, line.video)
        try:
            brush = _Brush(Opened(container, line, shown), spec, duration, limits=limits, threads=threads, meter=meter)
            return brush.run(segment, target)
        except FFmpegError as error:
            raise NotCuttable("damaged_pictures", "The video is damaged.") from error


class _Brush:
    """Paints and encodes pictures of an opened body; ticks are the body's."""

    def __init__(
        self, source: Opened, spec: BrandSpec, duration: Fraction, *, limits: Limits, threads: int, meter: Meter
    ) -> None:
        container, line, video = source.container, source.line, source.line.video
        assert video is not None
        self._container, self._line, self._video = container, line, video
        self._threads, self._meter = threads, meter
        self._codec = codec_of(video)
        # As who splices it looks at the body, so that both find the same in it.
        first = BodyPackets(source, video, Side(container, line, Notices())).first_picture()
        self._paint = Paint(spec, stored_canvas(line, first), duration=duration, limits=limits)
        for stream in container.streams:
            stream.discard = Discard.default if stream is video else Discard.all
        self._encoder = EdgeEncoder(
            video, self._codec, time_base=unit_of(video), rate=line.rate, crf=CRF, threads=threads
        )
        self._durations: dict[int, int] = {}
        self._ticks = array("q")
        self._done = Fraction(0)

    def run(self, segment: Segment, target: Path) -> PaintedSegment:
        """Write the parts of a segment one after the other."""
        headers = self._codec.extradata(self._encoder.headers())
        end = 0
        with Output(target) as output:
            track = output.pictures(self._video, tag=self._codec.tag, extradata=headers, delay=0, rate=self._line.rate)
            for part in segment.parts:
                begin, end = ticks(part, self._line)
                self._part(track, begin, end)
                self._done += part.end - part.start
        if not self._ticks:
            raise NotSplittable("empty_part", "A part of what is painted holds no picture.")
        first = self._ticks[0]
        shown = Shown(array("q", (tick - first for tick in self._ticks)), end - first)
        check_written(target, shown, audio_tracks=0, duration=shown.end * track.time_base)
        self._meter.finish()
        return PaintedSegment(len(self._ticks), first, _digest(headers))

    def _part(self, track: PictureTrack, begin: int, end: int) -> None:
        origin = self._line.origin
        packets = packets_from(self._container, [self._video], begin, Fraction(0), origin)
        held: tuple[av.VideoFrame, int] | None = None
        for frame in Passage(packets, self._video, self._codec, threads=self._threads).frames(begin, end):
            tick = frame.pts or 0
            if held is not None:
                self._encode(track, *held, until=tick)
            time = max(tick * track.time_base - origin, Fraction(0))
            held = self._paint(frame, time), tick
            self._meter.report(self._done + (tick - begin) * track.time_base)
        if held is not None:
            self._encode(track, *held, until=end)
        self._write(track, self._encoder.finish())

    def _encode(self, track: PictureTrack, frame: av.VideoFrame, tick: int, *, until: int) -> None:
        self._ticks.append(tick)
        self._durations[tick] = until - tick
        self._write(track, self._encoder.encode(frame, tick))

    def _write(self, track: PictureTrack, samples: Iterator[tuple[bytes, int, bool]]) -> None:
        for data, tick, key in samples:
            track.write(data, tick - self._ticks[0], self._durations.pop(tick), key=key)


class Inlay:
    """What was encoded of a body's painted stretches, for who splices it.

    `plan` is that of `split_painted`; `made` gives what `paint_segment` told and wrote of each segment, in its order; a
    file is read before the next is asked for.
    """

    def __init__(self, plan: Sequence[Segment], made: Iterable[tuple[PaintedSegment, BinaryIO]]) -> None:
        self._plan, self._made = plan, made
        self._samples: Iterator[Sample] = iter(())

    def open(self, line: Timeline, headers: bytes) -> list[tuple[int, int]]:
        """From which tick to before which one of the body each part goes, in order; `headers` is what the track is
        under."""
        self._samples = self._read(_digest(headers))
        return [ticks(part, line) for segment in self._plan for part in segment.parts]

    def take(self, wanted: Iterable[int]) -> Iterator[Sample]:
        """The next samples, of which those at the `wanted` ticks are there.

        Raises:
            NotSplittable: segments_differ, when they are others.
        """
        for tick in wanted:
            sample = next(self._samples, None)
            if sample is None or sample.pts != tick:
                raise NotSplittable("segments_differ", "The segments do not hold the pictures of the video.")
            yield sample

    def _read(self, headers: str) -> Iterator[Sample]:
        for facts, file in self._made:
            if facts.headers != headers:
                raise NotSplittable("segments_differ", "The segments of a video were encoded with different settings.")
            with open_source(file, NO_LIMITS) as container:
                for packet in container.demux(container.streams.video[0]):
                    if packet.size:
                        yield Sample(bytes(packet), (packet.pts or 0) + facts.first, packet.is_keyframe)


def ticks(part: Part, line: Timeline) -> tuple[int, int]:
    """From which tick to before which one of the body a part goes."""
    unit = (None if line.video is None else line.video.time_base) or Fraction(1, 90_000)
    begin, end = (math.ceil((time + line.origin) / unit) for time in (part.start, part.end))
    return begin, end


def _can_be_spliced(name: str, line: Timeline) -> bool:
    """Whether the body's ticks are those of the result, and its codec is one that is copied."""
    video = line.video
    if video is None or name in WITHOUT_TIMES or unit_of(video) != video.time_base:
        return False
    try:
        codec_of(video)
    except NotCuttable:
        return False
    return True


def _long(spec: BrandSpec, duration: Fraction, rate: Fraction) -> Iterator[Range]:
    """What is painted, but for what is mixed with a card: who splices does that, to the frame."""
    frame = 1 / card_rate(rate)
    fade = Fraction(0) if spec.transition.type == "cut" else spec.transition.duration + 2 * frame
    lead, trail = (Fraction(0) if card is None else fade for card in (spec.intro, spec.outro))
    for start, end in spans(spec, duration):
        begin, stop = max(start, lead), min(end, duration - trail)
        if stop - begin >= _SHORTEST:
            yield Range(begin, stop)


def _digest(headers: bytes) -> str:
    return hashlib.sha256(headers).hexdigest()
