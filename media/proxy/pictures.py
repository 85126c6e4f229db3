"""The pictures of one stretch of a proxy."""

from __future__ import annotations

import gc
import math
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av

from media.decode import Picture, Reader
from media.encode import Mp4Writer, VideoSpec, timescale
from media.errors import InputError
from media.frames import BT709, Canvas, Placer, colour_of, is_hdr, sane_aspect
from media.orientation import Orientation
from media.probe import display_matrix
from media.progress import Meter
from media.proxy.groups import GroupTrack
from media.proxy.plan import GRID, Look
from media.segments.errors import NotSplittable
from media.segments.pictures import EncodedSegment
from media.segments.plan import Segment
from media.timeline import Timeline
from media.trim import EARLY
from media.types import DEFAULT_LIMITS, Limits, Notices, Progress, no_progress
from media.watchdog import TIMES_LEAP
from media.written import check_written

CRF = 26


def encode_pictures(
    source: BinaryIO,
    target: Path,
    segment: Segment,
    look: Look,
    *,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 0,
    on_progress: Progress = no_progress,
) -> EncodedSegment:
    """Encode the pictures of a segment of `media.proxy.plan` into an MP4 that begins with its first one.

    `threads` is how many decode; what comes out does not depend on it. HDR is tone-mapped (notice `hdr_tonemapped`).
    The first picture of the source is shown from the start. On any error `target` does not exist afterwards.

    Raises:
        NotSplittable: empty_part, when no picture begins in the segment; no_timestamps.
        InputError: as `open_source`, and no_video, unsupported_codec, damaged_file.
        EngineError: the encoder failed, certificate_failed.
    """
    [part] = segment.parts
    meter, notices = Meter(on_progress, part.end - part.start), Notices()
    with Reader(
        source, limits=limits, threads=threads, sound="none", effort=look.effort, on_packet=meter.tick
    ) as reader:
        frame = reader.first_picture()
        if frame is None:
            raise InputError("no_video", "The file has no moving picture.")
        if is_hdr(colour_of(frame)):
            notices.add("hdr_tonemapped", "The preview shows the HDR picture in SDR.")
        with Mp4Writer(target, index="end") as writer:
            strip = _Strip(writer, reader.timeline, frame, look, opens=part.opens)
            for item in reader.read(part.start, part.end):
                if isinstance(item, Picture) and (part.opens or _begins(item, part.start, reader)):
                    strip.take(item.frame, item.time)
                    meter.report(item.time - part.start)
            if strip.last is None:
                if part.opens and part.closes:
                    raise InputError("damaged_file", "The file is damaged: none of its frames can be decoded.")
                raise NotSplittable("empty_part", "A part of the source holds no picture.")
            end = strip.finish(part.end)
            meter.finish()
    # PyAV ties frames whose display matrix was asked for into cycles: few, but of the size of the source's pictures.
    gc.collect()
    if reader.leaped:
        notices.add(*TIMES_LEAP)
    shown = strip.track.shown
    check_written(target, shown, audio_tracks=0, duration=shown.end * strip.base)
    return EncodedSegment(
        frames=strip.track.frames,
        start=strip.first,
        last=strip.last,
        end=end,
        step=max(round(1 / strip.spec.rate / strip.base), 1),
        early=(0,) if reader.ended is not None and reader.ended < max(part.end - EARLY, part.start) else (),
        damaged=bool(reader.damaged),
        sizes=tuple(sorted(strip.sizes)),
        warnings=tuple(notices),
    )


def proxy_size(shown: tuple[Fraction, Fraction], height: int) -> tuple[int, int]:
    """Even proxy size for a picture of that size in square pixels; its shorter side is `height` at most."""
    scale = min(height / min(shown), Fraction(1))
    width, tall = (max(2, int(side * scale) // 2 * 2) for side in shown)
    return width, tall


def _begins(picture: Picture, start: Fraction, reader: Reader) -> bool:
    """Whether a picture begins in the stretch: what was on show before belongs to the one before."""
    stamp = picture.frame.pts
    if stamp is None or reader.timeline.video is None:
        raise NotSplittable("no_timestamps", "The source does not say when its pictures are shown.")
    return reader.time_of(stamp, reader.timeline.video) >= start


def _spec(line: Timeline, size: tuple[int, int]) -> VideoSpec:
    base = None if line.video is None else line.video.time_base
    return VideoSpec(
        width=size[0],
        height=size[1],
        time_base=timescale(base or Fraction(1, 90_000)),
        rate=line.rate,
        colour=BT709,
        crf=CRF,
    )


class _Strip:
    """Places pictures in small on the ticks that they have in the whole proxy, then from 0 in the file."""

    def __init__(self, writer: Mp4Writer, line: Timeline, frame: av.VideoFrame, look: Look, *, opens: bool) -> None:
        aspect = sane_aspect(None if line.video is None else line.video.sample_aspect_ratio)
        turned = Orientation.of(display_matrix(frame)).swaps_sides
        wide, high = frame.width * aspect, Fraction(frame.height)
        size = proxy_size((high, wide) if turned else (wide, high), look.height)
        self.spec = _spec(line, size)
        self.base = self.spec.time_base
        self.track = GroupTrack(writer.container, self.spec)
        self.first = 0
        self.last: int | None = None
        self.sizes: set[tuple[int, int]] = set()
        canvas = Canvas(width=size[0], height=size[1])
        self._placer = Placer(canvas, sample_aspect=aspect, scaling="fast_bilinear")
        self._apart, self._opens = look.apart, opens
        self._group: int | None = None
        self._kept = Fraction(0)

    def take(self, frame: av.VideoFrame, time: Fraction) -> None:
        """The next picture, on show from `time`."""
        if self.last is None and self._opens:
            time = Fraction(0)
        group = math.floor(time / GRID)
        if group == self._group and time - self._kept < self._apart:
            return
        tick = round(time / self.base)
        if self.last is None:
            self.first = tick
        elif tick <= self.last:
            tick = self.last + 1
        self.sizes.add((frame.width, frame.height))
        if group != self._group:
            self.track.begin(tick - self.first)
        self.track.write(self._placer(frame), tick - self.first)
        self._group, self._kept, self.last = group, time, tick

    def finish(self, end: Fraction) -> int:
        """The last picture is shown to `end`; returns its tick."""
        tick = max(round(end / self.base), (self.last or 0) + 1)
        self.track.finish(tick - self.first)
        return tick
