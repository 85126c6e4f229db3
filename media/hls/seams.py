"""The joints of an edit in small, made right from the source: the first of it that can be watched.

Only the groups of pictures around the cuts are read and decoded. Each joint is a film of its own, exact to the frame,
with a keyframe wherever something new begins; all are packed into one file (`media.hls.package`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np

from media.decode import Picture, Reader, Sound
from media.encode import AudioSpec, Mp4Writer, VideoSpec, timescale
from media.errors import InputError
from media.frames import BT709, Canvas, Placer, sane_aspect
from media.hls.order import GRID, Body, Joint, Seams, order
from media.hls.package import Clip, package
from media.orientation import Orientation
from media.probe import display_matrix
from media.progress import Meter
from media.proxy.pictures import CRF, proxy_size
from media.proxy.sound import BIT_RATE, LAYOUT, RATE
from media.ranges import resolve
from media.resample import Resampler
from media.timeline import Timeline, layout_name
from media.types import DEFAULT_LIMITS, Limits, Progress, Range, Samples, no_progress

MOST = Fraction(180)
"""Seconds of joints that are made at most: of an edit with very many cuts those that play first."""
_RARELY = 10_000


def render_seams(
    source: BinaryIO,
    target: Path,
    keep: Sequence[Range],
    *,
    height: int = 360,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 0,
    on_progress: Progress = no_progress,
) -> Seams:
    """Write the joints of an edit that keeps `keep` of `source`; files beside `target` come and go meanwhile.

    The shorter side of the picture has `height` pixels at most, and is never enlarged; sound is the main track in
    stereo. Cuts are put on frames as `media.trim` does. On any error `target` does not exist afterwards.

    Raises:
        InputError: as `media.trim.trim`, and no_video for sound alone.
        EngineError: the encoder failed.
    """
    meter = Meter(on_progress)
    # Shown in small, nobody sees that borders of blocks were not smoothed.
    opened = Reader(source, limits=limits, threads=threads, sound="main", effort="rough", on_packet=meter.tick)
    with opened as reader:
        line = reader.timeline
        asked = resolve(keep, line.duration, 1 / line.rate)
        frame = reader.first_picture()
        if frame is None:
            raise InputError("no_video", "The file has no moving picture.")
        items = list(order(reader.on_frames(asked)))
        joints = list(_first(items))
        meter.total = sum((joint.duration for joint in joints), Fraction(0))
        look = _Look.of(line, frame, height, threads)
        packed = package(_clips(reader, look, joints, target, meter), target, segment=GRID)
        meter.finish()
    reached = items[: items.index(joints[-1]) + 1]
    starts = [segment.start for segment in packed.segments]
    return Seams(packed, tuple(_places(reached, starts)), whole=len(reached) == len(items))


def _first(items: Sequence[Joint | Body]) -> Iterator[Joint]:
    length = Fraction(0)
    for item in items:
        if isinstance(item, Joint):
            length += item.duration
            if length > MOST and length > item.duration:
                return
            yield item


def _places(items: Sequence[Joint | Body], starts: Sequence[Fraction]) -> Iterator[tuple[int, int] | Body]:
    """The order with the places of segments, which begin at `starts` of the edit, for joints."""
    for item in items:
        if isinstance(item, Body):
            yield item
        else:
            inside = [place for place, start in enumerate(starts) if item.at <= start < item.at + item.duration]
            yield inside[0], inside[-1] + 1


def _clips(reader: Reader, look: _Look, joints: Sequence[Joint], target: Path, meter: Meter) -> Iterator[Clip]:
    path = target.with_suffix(".joint")
    done = Fraction(0)
    try:
        for joint in joints:
            with Mp4Writer(path, index="end", threads=look.threads) as writer:
                strip = _Strip(writer, reader, look)
                for start, end in joint.pieces:
                    strip.add(start, end)
                strip.finish()
            done += joint.duration
            meter.report(done)
            with path.open("rb") as file:
                yield Clip(file, joint.at)
    finally:
        path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Look:
    """How all joints are written; `aspect` is the shape of the source's pixels."""

    spec: VideoSpec
    aspect: Fraction
    threads: int

    @classmethod
    def of(cls, line: Timeline, frame: av.VideoFrame, height: int, threads: int) -> _Look:
        video = line.video
        aspect = sane_aspect(None if video is None else video.sample_aspect_ratio)
        wide, high = frame.width * aspect, Fraction(frame.height)
        turned = Orientation.of(display_matrix(frame)).swaps_sides
        width, tall = proxy_size((high, wide) if turned else (wide, high), height)
        base = None if video is None else video.time_base
        spec = VideoSpec(
            width=width,
            height=tall,
            time_base=timescale(base or Fraction(1, 90_000)),
            rate=line.rate,
            colour=BT709,
            crf=CRF,
            keyframe_every=_RARELY,
        )
        return cls(spec, aspect, threads)


class _Strip:
    """Puts pieces of the source one after the other, in small."""

    def __init__(self, writer: Mp4Writer, reader: Reader, look: _Look) -> None:
        self._reader = reader
        self._pictures = writer.video(look.spec)
        canvas = Canvas(width=look.spec.width, height=look.spec.height)
        self._placer = Placer(canvas, sample_aspect=look.aspect)
        self._held: tuple[av.VideoFrame, Fraction] | None = None
        self._key = self._end = Fraction(0)
        self._rate, self._heard = 0, 0
        if reader.audio:
            main = reader.audio[0]
            self._rate = main.rate
            self._sound = writer.audio(AudioSpec(rate=RATE, layout=LAYOUT, bit_rate=BIT_RATE))
            self._resampler = Resampler((main.rate, layout_name(main)), (RATE, LAYOUT))
            self._channels = main.layout.nb_channels

    def add(self, start: Fraction, end: Fraction) -> None:
        """The piece `[start, end)`: its first picture is shown from its very start, what sound it lacks is silence."""
        begins, is_first = self._end, True
        self._end += end - start
        for item in self._reader.read(start, end, never_empty=True):
            match item:
                case Picture(frame, time):
                    self._show(frame, begins if is_first else begins + time - start, is_first=is_first)
                    is_first = False
                case Sound(_, samples):
                    self._hear(samples)
        if is_first:
            raise InputError("damaged_file", "The file is damaged: a cut of it shows no picture.")
        self._hear(None)

    def finish(self) -> None:
        """The last picture is shown, and sound is heard, to the end."""
        self._flush(last=True)
        if self._rate:
            rest = self._resampler.rest()
            self._sound.write(rest[:, : max(round(self._end * RATE) - self._sound.samples, 0)])

    def _show(self, frame: av.VideoFrame, time: Fraction, *, is_first: bool) -> None:
        self._flush()
        if is_first or time - self._key >= GRID:
            self._key = time
        self._held = (self._placer(frame), time)

    def _flush(self, *, last: bool = False) -> None:
        if self._held is not None:
            frame, time = self._held
            lasts = self._end - time if last else None
            self._pictures.write(frame, time, lasts, kind="key" if time == self._key else "any")
        self._held = None

    def _hear(self, samples: Samples | None) -> None:
        """Add samples of the source; None stands for as much silence as is missing."""
        room = round(self._end * self._rate) - self._heard
        if not self._rate or room <= 0:
            return
        given = np.zeros((self._channels, room), np.float32) if samples is None else samples[:, :room]
        self._heard += given.shape[1]
        self._sound.write(self._resampler(given))
