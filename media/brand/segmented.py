"""Branding in segments: where most of a body changes, its pictures are encoded by many, side by side.

Segments are those of an exact trim of the whole body (`media.segments`), with what is laid over the pictures painted
before they are encoded. They are joined without loss, with the body's sound as it is; cards are put around what has
come of that as around any other body (`media.brand.splice`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av

from media.brand.levels import levels_for
from media.brand.paint import Paint, mostly_painted
from media.brand.plan import Segment as Shown
from media.brand.render import listened
from media.brand.result import BrandResult
from media.brand.spec import BrandSpec
from media.brand.splice import splice
from media.brand.stage import NO_PICTURE, body_length, canvas_of
from media.encode import VideoSpec
from media.errors import InputError
from media.fit import Fitter
from media.keyframes import keyframe_map
from media.progress import Meter
from media.segments.join import join
from media.segments.pictures import WITHOUT_TIMES, Dress, Dresser, EncodedSegment
from media.segments.plan import Segment, plan_segments, ranges
from media.segments.sound import EncodedSound, SourceSound, source_sound
from media.side import read_material
from media.source import open_source
from media.timeline import timeline
from media.trim import TrimResult
from media.types import DEFAULT_LIMITS, NO_LIMITS, Limits, Progress, Range, no_progress

_JOINING = Fraction(3, 10)
"""Share of the work that it is to join segments, when cards go around them."""


def split_body(
    body: BinaryIO, spec: BrandSpec, *, width: int, limits: Limits = DEFAULT_LIMITS
) -> tuple[Segment, ...] | None:
    """The segments for about `width` workers; None where little changes, or where splitting is of no use.

    Of the body only the index is read.

    Raises:
        InputError: as `open_source`, and no_video, too_long, overlay_past_end.
    """
    with open_source(body, limits) as container:
        line = timeline(container)
        limits.check_duration(line.duration)
        if line.video is None:
            raise InputError("no_video", NO_PICTURE)
        duration, known = body_length(line, spec), container.format.name not in WITHOUT_TIMES
        rate, length = line.rate, line.duration
    if not known or not mostly_painted(spec, duration):
        return None
    body.seek(0)
    keep = [Range(Fraction(0), duration)]
    plan = plan_segments(keyframe_map(body, limits), keep, duration=length, rate=rate, width=width)
    return plan if len(plan) > 1 else None


def dressed(spec: BrandSpec, duration: Fraction, limits: Limits = DEFAULT_LIMITS) -> Dress:
    """For `encode_segment`: paint pictures of a body of `duration` seconds."""

    def dress(video: VideoSpec) -> Dresser:
        fit = Fitter(video.width, video.height, video.pixel_format)
        paint = Paint(spec, canvas_of(video), duration=duration, limits=limits)

        def painted(frame: av.VideoFrame, time: Fraction) -> av.VideoFrame:
            return paint(fit(frame), time)

        return painted

    return dress


def brand_segments(
    body: BinaryIO,
    target: Path,
    spec: BrandSpec,
    plan: Sequence[Segment],
    pictures: Iterable[tuple[EncodedSegment, BinaryIO]],
    *,
    sound: tuple[EncodedSound, BinaryIO] | None,
    scratch: Path,
    limits: Limits = DEFAULT_LIMITS,
    threads: int = 0,
    on_progress: Progress = no_progress,
) -> BrandResult:
    """Join the painted segments of `body`, and put the cards of `spec` around them, into the MP4 `target`.

    `pictures` as for `media.segments.join.join`; `sound` is what was encoded of a body whose own sound cannot be
    copied. `scratch` is a folder for the body on its way.

    Raises:
        NotSplittable, NotCuttable: they do not fit together; encode everything in one piece.
        InputError, EngineError: as `media.brand.brand` and `join`.
    """
    plain = not spec.has_cards and spec.loudness is None
    painted = target if plain else scratch / "painted.mp4"
    meter = Meter(on_progress)

    def joining(done: Fraction) -> None:
        meter.report(done * _JOINING)

    material = read_material(body, ranges(plan), limits=NO_LIMITS)
    body.seek(0)
    whole = join(plan, pictures, sound or _own_sound(body), painted, side=material, on_progress=joining)
    if plain:
        meter.finish()
        return listened(_plain(whole), target, spec, ())

    def splicing(done: Fraction) -> None:
        meter.report(_JOINING + done * (1 - _JOINING))

    around = replace(spec, watermark=None, lower_thirds=())
    with painted.open("rb") as file:
        levels = levels_for(file, around, limits=limits, meter=meter)
        made = splice(file, target, around, limits=limits, threads=threads, meter=Meter(splicing), levels=levels)
    made = listened(made, target, spec, levels)
    painted.unlink()
    meter.finish()
    known = {notice.code for notice in made.warnings}
    notices = (*made.warnings, *(notice for notice in whole.warnings if notice.code not in known))
    return replace(made, copied=Fraction(0), reencoded=made.duration, warnings=notices)


def shown_length(body: BinaryIO, spec: BrandSpec) -> Fraction:
    """How many seconds of a body are shown."""
    with open_source(body, NO_LIMITS) as container:
        duration = body_length(timeline(container), spec)
    body.seek(0)
    return duration


def needs_sound(body: BinaryIO) -> bool:
    """Whether the body has sound that cannot be copied."""
    with open_source(body, NO_LIMITS) as container:
        line = timeline(container)
        return bool(line.audio) and source_sound(line) is None


def _own_sound(body: BinaryIO) -> tuple[SourceSound, BinaryIO] | None:
    with open_source(body, NO_LIMITS) as container:
        found = source_sound(timeline(container))
    body.seek(0)
    return None if found is None else (found, body)


def _plain(whole: TrimResult) -> BrandResult:
    return BrandResult(
        duration=whole.duration,
        frames=whole.frames,
        body_frames=whole.frames,
        audio_tracks=whole.audio_tracks,
        segments=(Shown("body", Fraction(0), whole.duration),),
        copied=Fraction(0),
        reencoded=whole.duration,
        warnings=whole.warnings,
        subtitle_tracks=whole.subtitle_tracks,
        chapters=whole.chapters,
        covers=whole.covers,
    )
