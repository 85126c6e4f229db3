"""A film in several sizes, of which players choose one by what their network bears.

    plan = plan_ladder(body, [360, 720, 1080], width=…)                  # which rungs, and where their segments begin
    for number, _ in enumerate(plan.stretches):
        encode_stretch(body, folder, plan.only(number))                 # anywhere, in any order
    pack_rung(plan, "720", clips, body, target)                         # `media.hls.package`

All rungs have their segments at the same places, so that a player can change between any two of them. The film itself
is the highest rung where it can be: H.264 in 8 bits with keyframes often enough. For the others it is decoded once, and
they are encoded side by side, in stretches. Sound is that of the film, copied.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, Literal

import av
import numpy as np

from media.decode import Picture, Reader
from media.encode import Mp4Writer, VideoSpec, VideoTrack, timescale
from media.errors import EngineError
from media.frames import BT709, Canvas, Placer, sane_aspect
from media.hls.index import Rendition
from media.hls.order import GRID
from media.hls.package import SEGMENT, Clip, borders_of, package
from media.hls.tracks import Track, read_tracks
from media.keymap import Keyframe, KeyframeMap
from media.orientation import Orientation
from media.probe import display_matrix
from media.progress import Meter
from media.proxy.pictures import proxy_size
from media.segments.plan import plan_segments
from media.types import NO_LIMITS, Limits, Progress, Range, no_progress

SOUND = "sound"
"""The one rung of a film without pictures."""
CRF = 23
_MOST, _MOST_PIXELS, _MOST_RATE = 7_800_000, 1920 * 1080, 30
"""Bits a second: the highest rate that Apple's HLS Authoring Specification (appendix, H.264) gives for 1080p30."""
_LONGEST = Fraction(10)
"""Seconds that a segment of a film that is copied may last."""
_RARELY = 10_000


@dataclass(frozen=True, slots=True)
class LadderPlan:
    """What is made: rungs by name, from low to high, each with (width, height); None for sound alone.

    The rung `copied` is the film itself. Segments begin at `borders`, seconds of which the last is the end;
    `stretches` are the `(start, end)` in which the others are encoded.
    """

    rungs: Mapping[str, tuple[int, int] | None]
    copied: str | None
    borders: tuple[Fraction, ...]
    stretches: tuple[tuple[Fraction, Fraction], ...]

    @property
    def encoded(self) -> list[str]:
        """The rungs to encode."""
        return [name for name in self.rungs if name != self.copied]

    def only(self, number: int) -> LadderPlan:
        """The plan of one stretch."""
        start, end = self.stretches[number]
        inside = tuple(border for border in self.borders if start <= border <= end)
        return replace(self, borders=inside, stretches=((start, end),))

    def to_dict(self) -> dict[str, Any]:
        """JSON: times as exact fractions."""
        return {
            "rungs": {name: size and list(size) for name, size in self.rungs.items()},
            "copied": self.copied,
            "borders": [str(border) for border in self.borders],
            "stretches": [[str(start), str(end)] for start, end in self.stretches],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> LadderPlan:
        """Read what `to_dict` wrote."""
        return cls(
            {name: None if size is None else (size[0], size[1]) for name, size in document["rungs"].items()},
            document["copied"],
            tuple(Fraction(border) for border in document["borders"]),
            tuple((Fraction(start), Fraction(end)) for start, end in document["stretches"]),
        )


def plan_ladder(body: BinaryIO, heights: Sequence[int], *, width: int = 1, limits: Limits = NO_LIMITS) -> LadderPlan:
    """Plan the rungs of a finished film of ours whose shorter sides have `heights` pixels, for about `width` workers.

    The film is never enlarged: of heights above its own, the film's own is taken.

    Raises:
        InputError: as `media.source.open_source`.
        EngineError: `bad_layout`.
    """
    lead = read_tracks(body)[1][0]
    if lead.kind != b"vide":
        return LadderPlan({SOUND: None}, SOUND, tuple(borders_of(lead, SEGMENT)), ())
    with Reader(body, limits=limits, sound="none") as reader:
        frame = reader.first_picture()
        if frame is None or reader.timeline.video is None:
            raise EngineError("bad_layout", "The finished film shows no picture.")
        rate, shown = reader.timeline.rate, _shown(reader, frame)
        upright = display_matrix(frame) is None
    own = int(min(shown))
    rungs = {str(height): proxy_size(shown, height) for height in sorted({min(height, own) for height in heights})}
    copied = str(own) if str(own) in rungs and upright and _can_copy(lead, frame) else None
    borders = borders_of(lead, SEGMENT) if copied else _even(lead)
    stretches = _stretches(borders, rate, width) if len(rungs) > (copied is not None) else ()
    return LadderPlan(rungs, copied, tuple(borders), stretches)


def peak_rate(size: tuple[int, int], rate: Fraction) -> int:
    """Bits a second that pictures of a size, at `rate` a second, may take at most.

    Smaller pictures need more for each pixel, as do fewer for each picture: bits go with the power of three quarters of
    the pixels, and with the root of the rate.
    """
    pixels, often = size[0] * size[1] / _MOST_PIXELS, max(float(rate) / _MOST_RATE, 1)
    return round(_MOST * math.pow(pixels, 0.75) * math.sqrt(often))


def encode_stretch(
    body: BinaryIO,
    folder: Path,
    plan: LadderPlan,
    *,
    limits: Limits = NO_LIMITS,
    threads: int = 0,
    on_progress: Progress = no_progress,
) -> dict[str, Path]:
    """Encode the one stretch of a plan for every rung that is not copied; return a file in `folder` for each, by name.

    Each encoder has one thread, since it would keep to its rate differently every time with more; `threads` of them
    work at once.

    Raises:
        InputError: as `media.source.open_source`.
        EngineError: the encoder failed.
    """
    [(start, end)] = plan.stretches
    meter = Meter(on_progress, end - start)
    paths = {name: folder / f"{name}.mp4" for name in plan.encoded}
    with Reader(body, limits=limits, sound="none", threads=threads, on_packet=meter.tick) as reader:
        frame = reader.first_picture()
        if frame is None:
            raise EngineError("bad_layout", "The finished film shows no picture.")
        with ExitStack() as files:
            rungs = []
            for name, path in paths.items():
                writer = files.enter_context(Mp4Writer(path, index="end", threads=1))
                rungs.append(_Rung(writer, reader, plan.rungs[name]))
            pool = files.enter_context(ThreadPoolExecutor(min(threads or len(rungs), len(rungs))))
            show = _Rungs(rungs, pool, start, _Keys(plan.borders))
            held: tuple[av.VideoFrame, Fraction] | None = None
            for item in reader.read(start, end):
                if isinstance(item, Picture):
                    if held is not None:
                        show.write(*held)
                    held = (item.frame, item.time)
                    meter.report(item.time - start)
            if held is None:
                raise EngineError("bad_layout", "The finished film shows no picture in a stretch of it.")
            show.write(*held, end=end)
    return paths


def pack_rung(
    plan: LadderPlan,
    name: str,
    clips: Iterable[Clip],
    body: BinaryIO,
    target: Path,
    *,
    on_progress: Progress = no_progress,
) -> Rendition:
    """Pack a rung: the film itself, or the `clips` that were made of its stretches, with the film's sound.

    Raises:
        EngineError: `bad_layout`.
    """
    if name == plan.copied:
        return package([Clip(body)], target, borders=plan.borders, on_progress=on_progress)
    heard = (replace(clip, sound=(body, clip.at)) for clip in clips)
    return package(heard, target, borders=plan.borders, on_progress=on_progress)


class _Rung:
    def __init__(self, writer: Mp4Writer, reader: Reader, size: tuple[int, int] | None) -> None:
        assert size is not None
        video = reader.timeline.video
        base = None if video is None else video.time_base
        self.track: VideoTrack = writer.video(
            VideoSpec(
                width=size[0],
                height=size[1],
                time_base=timescale(base or Fraction(1, 90_000)),
                rate=reader.timeline.rate,
                colour=BT709,
                crf=CRF,
                max_rate=peak_rate(size, reader.timeline.rate),
                keyframe_every=_RARELY,
                keyframes="told",
            )
        )
        aspect = sane_aspect(None if video is None else video.sample_aspect_ratio)
        self.placer = Placer(Canvas(width=size[0], height=size[1]), sample_aspect=aspect)


class _Rungs:
    """All rungs of a stretch from second `start` on; each picture goes into all of them side by side."""

    def __init__(self, rungs: Sequence[_Rung], pool: ThreadPoolExecutor, start: Fraction, keys: _Keys) -> None:
        self._rungs, self._pool, self._start, self._keys = rungs, pool, start, keys

    def write(self, frame: av.VideoFrame, time: Fraction, *, end: Fraction | None = None) -> None:
        """Write a picture that is shown from a time; the last one until `end`."""
        kind: Literal["any", "key"] = "key" if self._keys(time) else "any"
        lasts = None if end is None else end - time

        def encode(rung: _Rung) -> None:
            rung.track.write(rung.placer(frame), time - self._start, lasts, kind=kind)

        # All have encoded it before the next one is decoded; their errors come out here.
        for _ in self._pool.map(encode, self._rungs):
            pass


class _Keys:
    """Tells which pictures are keyframes: those at borders, and one every `GRID` seconds between."""

    def __init__(self, borders: Iterable[Fraction]) -> None:
        self._borders = frozenset(borders)
        self._last: Fraction | None = None

    def __call__(self, time: Fraction) -> bool:
        due = self._last is None or time in self._borders or time - self._last >= GRID
        if due:
            self._last = time
        return due


def _shown(reader: Reader, frame: av.VideoFrame) -> tuple[Fraction, Fraction]:
    video = reader.timeline.video
    aspect = sane_aspect(None if video is None else video.sample_aspect_ratio)
    wide, high = frame.width * aspect, Fraction(frame.height)
    return (high, wide) if Orientation.of(display_matrix(frame)).swaps_sides else (wide, high)


def _can_copy(lead: Track, frame: av.VideoFrame) -> bool:
    """Whether every browser can decode the film, and enter it often enough."""
    plain = lead.entry[4:8] == b"avc1" and frame.format.name in {"yuv420p", "yuvj420p"} and not frame.interlaced_frame
    borders = borders_of(lead, SEGMENT) if plain else []
    return plain and all(end - start <= _LONGEST for start, end in pairwise(borders))


def _even(lead: Track) -> list[Fraction]:
    """Every `SEGMENT` seconds, at the first picture from there on."""
    shown = np.sort(lead.shown)
    ticks = np.arange(0, lead.end, round(SEGMENT * lead.scale))
    places = np.unique(np.searchsorted(shown, ticks))
    return [Fraction(int(shown[place]), lead.scale) for place in places if place < len(shown)] + [
        Fraction(lead.end, lead.scale)
    ]


def _stretches(borders: Sequence[Fraction], rate: Fraction, width: int) -> tuple[tuple[Fraction, Fraction], ...]:
    """Cut the encode as that of an exact trim is cut, at borders of segments."""
    counts = [math.ceil((end - start) * rate) for start, end in pairwise(borders)]
    starts = [Keyframe(time, count, 0) for time, count in zip(borders, counts, strict=False)]
    entered = KeyframeMap(tuple(starts), "index")
    plan = plan_segments(entered, [Range(Fraction(0))], duration=borders[-1], rate=rate, width=width)
    return tuple((segment.start, segment.end) for segment in plan)
