"""The pictures of one segment, encoded on their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av

from media import specs
from media.decode import Picture, Reader
from media.encode import Mp4Writer, VideoSpec, VideoTrack
from media.errors import InputError
from media.progress import Meter
from media.segments.errors import NotSplittable
from media.segments.plan import Part, Segment
from media.timeline import Timeline
from media.trim import EARLY
from media.types import DEFAULT_LIMITS, Limits, Notice, Notices, Progress, no_progress
from media.watchdog import TIMES_FALL, TIMES_LEAP
from media.written import check_written

WITHOUT_TIMES = {"avi"}
_NO_TIMES = "Files of this kind do not say when their pictures are shown."


Dresser = Callable[[av.VideoFrame, Fraction], av.VideoFrame]
"""Makes of a decoded picture, shown at a time of the source, the one that is encoded."""
Dress = Callable[[VideoSpec], Dresser]


@dataclass(frozen=True, slots=True)
class EncodedSegment:
    """What was written of a segment.

    `start`, `last` and `end` are when its first frame is shown, its last, and when that ends: in ticks of the file's
    track, counted from the start of the whole result. The file itself begins at 0. `step` is how many of them a frame
    lasts at the nominal rate. `early` are the places of ranges at
    whose end the pictures of the source had long ended, `sizes` the (width, height) that its pictures had.
    """

    frames: int
    start: int
    last: int
    end: int
    step: int
    early: tuple[int, ...]
    damaged: bool
    sizes: tuple[tuple[int, int], ...]
    warnings: tuple[Notice, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return plain | {
            "early": list(self.early),
            "sizes": [list(size) for size in self.sizes],
            "warnings": [warning.to_dict() for warning in self.warnings],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> EncodedSegment:
        """Read what `to_dict` wrote."""
        made = {
            "early": tuple(document["early"]),
            "sizes": tuple((width, height) for width, height in document["sizes"]),
            "warnings": tuple(Notice(**warning) for warning in document["warnings"]),
        }
        return cls(**{**document, **made})


def encode_segment(
    source: BinaryIO,
    target: Path,
    segment: Segment,
    *,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 1,
    dress: Dress | None = None,
    on_progress: Progress = no_progress,
) -> EncodedSegment:
    """Encode the pictures of one segment, as `media.trim.trim` would, into an MP4 that begins with a keyframe at 0.

    `dress` is asked once what is to be made of the pictures before they are encoded.

    Every segment of a source gets the same settings, so that all have the same parameter sets. Encoders decide a little
    differently with other numbers of `threads`: all segments should have the same. On any error `target` does not exist
    afterwards.

    Raises:
        NotSplittable: no_timestamps (the source does not say when its pictures are shown), empty_part.
        InputError: as `open_source`, and no_video, unsupported_codec.
        EngineError: the encoder failed, certificate_failed.
    """
    meter, notices = Meter(on_progress, segment.end - segment.start), Notices()
    with Reader(source, limits=limits, threads=threads, sound="none", on_packet=meter.tick) as reader:
        line, title = reader.timeline, reader.container.metadata.get("title")
        specs.note_losses(reader.container, line, notices)
        frame = reader.first_picture()
        if line.video is None or frame is None:
            raise InputError("no_video", "The file has no moving picture.")
        if reader.container.format.name in WITHOUT_TIMES:
            raise NotSplittable("no_timestamps", _NO_TIMES)
        with Mp4Writer(target, index="end", threads=threads, title=title) as writer:
            spec = specs.video_spec(line, frame, notices)
            strip = _Strip(writer.video(spec), None if dress is None else dress(spec))
            early = []
            # Before the first stretch is read: the reader may open the file anew, and what is known of streams goes.
            stretches = [_exact(part, line) for part in segment.parts]
            for stretch in stretches:
                strip.begin(stretch)
                for item in reader.read(stretch.start, stretch.end):
                    if isinstance(item, Picture) and _belongs(item, stretch, reader):
                        strip.take(item)
                        meter.report(item.time + stretch.shift - segment.start)
                strip.finish()
                if reader.ended is not None and reader.ended < max(stretch.end - EARLY, stretch.start):
                    early.append(stretch.index)
            meter.finish()
    if strip.squeezed:
        notices.add(*TIMES_FALL)
    if reader.leaped:
        notices.add(*TIMES_LEAP)
    shown = strip.track.shown
    check_written(target, shown, audio_tracks=0, duration=shown.end * strip.track.base)
    return EncodedSegment(
        frames=strip.track.frames,
        start=strip.start,
        last=strip.last,
        end=strip.end,
        step=max(round(1 / spec.rate / spec.time_base), 1),
        early=tuple(early),
        damaged=bool(reader.damaged),
        sizes=tuple(sorted(strip.sizes)),
        warnings=tuple(notices),
    )


def _exact(part: Part, line: Timeline) -> Part:
    """The part with its keyframe borders on the very tick of the source, should the plan have rounded them."""
    unit = (line.video.time_base if line.video is not None else None) or Fraction(1, 90_000)

    def tick(time: Fraction) -> Fraction:
        return round((time + line.origin) / unit) * unit - line.origin

    return Part(
        part.index,
        part.start if part.opens else tick(part.start),
        part.end if part.closes else tick(part.end),
        part.shift,
        part.opens,
        part.closes,
    )


def _belongs(picture: Picture, part: Part, reader: Reader) -> bool:
    """Whether a picture is one of the part: what was on show before is repeated where a range opens, not elsewhere."""
    stamp = picture.frame.pts
    if stamp is None or reader.timeline.video is None:
        raise NotSplittable("no_timestamps", _NO_TIMES)
    return part.opens or reader.time_of(stamp, reader.timeline.video) >= part.start


class _Strip:
    """Places the pictures of parts on the ticks that they have in the whole result, then from 0 in the file."""

    def __init__(self, track: VideoTrack, dresser: Dresser | None) -> None:
        self.track = track
        self._dresser = dresser
        self.last, self.end = -1, 0
        self._start: int | None = None
        self.sizes: set[tuple[int, int]] = set()
        self._part: Part | None = None
        self._pending: tuple[av.VideoFrame, int] | None = None
        self._empty = True
        self._time = Fraction(0)
        self.squeezed = False

    @property
    def start(self) -> int:
        """The tick of the first picture."""
        return self._start or 0

    def begin(self, part: Part) -> None:
        """The next part."""
        self._part, self._empty = part, True

    def take(self, picture: Picture) -> None:
        """Write a picture; the first of a range is shown from the cut on."""
        assert self._part is not None
        time = self._part.start if self._empty and self._part.opens else picture.time
        self.squeezed = self.squeezed or (not self._empty and time <= self._time)
        self._time = time
        tick = max(self._tick(time), self.last + 1)
        if self._start is None:
            self._start = tick
        self._flush(tick)
        frame = picture.frame if self._dresser is None else self._dresser(picture.frame, time)
        self._pending, self.last, self._empty = (frame, tick), tick, False
        self.sizes.add((picture.frame.width, picture.frame.height))

    def finish(self) -> None:
        """Close the part: its last picture is shown to its end.

        Raises:
            NotSplittable: empty_part when it has no picture.
        """
        assert self._part is not None
        if self._empty:
            raise NotSplittable("empty_part", "A part of what is to be kept holds no picture.")
        self.end = max(self._tick(self._part.end), self.last + 1)
        self._flush(self.end)

    def _tick(self, time: Fraction) -> int:
        assert self._part is not None
        return round((time + self._part.shift) / self.track.base)

    def _flush(self, until: int) -> None:
        if self._pending is not None:
            frame, tick = self._pending
            self.track.write(frame, (tick - self.start) * self.track.base, (until - tick) * self.track.base)
            self._pending = None
