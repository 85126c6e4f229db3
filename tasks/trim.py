"""Trim: the ranges to keep, frame-exact, as one file.

What can be copied is copied. What must be encoded is cut into segments that many workers encode at once: the stage asks
for them as its parts, and runs again to join what they made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from media.cut import CutResult, copy, encoded
from media.segments.errors import NotSplittable
from media.segments.join import join
from media.segments.plan import Segment, ranges
from media.segments.split import split
from media.smartcut import NotCuttable
from media.trim import trim as encode
from media.types import Range
from tasks.base import stage
from tasks.context import Part, StageContext
from tasks.joining import SOUND_SHARE, keyframes, made_pictures, made_sound
from tasks.limits import limits
from tasks.limits import threads as segment_threads


@stage("trim")
def trim(ctx: StageContext) -> None:
    """Keep the ranges that were asked for, frame-exact."""
    keep = [Range(Fraction(start), None if end is None else Fraction(end)) for start, end in ctx.params["keep"]]
    with ctx.open(ctx.input("source")) as source, ctx.output("video.mp4") as target:
        made = _cut(ctx, source, keep, target) if ctx.notes is None else _join(ctx, ctx.notes, source, keep, target)
        if made is not None:
            ctx.store({"video.mp4": target}, result=made.to_dict(), warnings=[note.to_dict() for note in made.warnings])


def _cut(ctx: StageContext, source: BinaryIO, keep: Sequence[Range], target: Path) -> CutResult | None:
    """Copy, or encode what is short; None when the segments of what is long were asked for."""
    reason = None
    bounds, threads = limits(ctx.settings), ctx.settings.encode_threads
    if ctx.params["mode"] != "exact":
        try:
            return copy(
                source,
                target,
                keep,
                mode=ctx.params["mode"],
                limits=bounds,
                threads=threads,
                on_progress=ctx.progress,
            )
        except NotCuttable as refusal:
            reason = refusal
            source.seek(0)
    plan, has_sound = split(source, keyframes(ctx), keep, width=ctx.settings.encode_width, limits=bounds)
    source.seek(0)
    if len(plan) == 1:
        return encoded(encode(source, target, keep, limits=bounds, threads=threads, on_progress=ctx.progress), reason)
    why = None if reason is None else [reason.code, reason.message]
    parts = _parts(plan, threads=segment_threads(ctx.settings), has_sound=has_sound)
    ctx.expand(parts, {"plan": [segment.to_dict() for segment in plan], "reason": why})
    return None


def _parts(plan: Sequence[Segment], *, threads: int, has_sound: bool) -> Iterator[Part]:
    # Encoders decide by their number of threads: named here, it is the same on every worker, and part of the digest.
    for segment in plan:
        yield Part(
            name=f"segment-{segment.number + 1:03}",
            kind="segment",
            params=segment.to_dict() | {"threads": threads},
            inputs={"source": "source"},
            share=float(segment.end - segment.start),
        )
    if has_sound:
        keep = [[str(piece.start), str(piece.end)] for piece in ranges(plan)]
        share = float(plan[-1].end) * SOUND_SHARE
        yield Part(name="sound", kind="sound", params={"keep": keep}, inputs={"source": "source"}, share=share)


def _join(
    ctx: StageContext, notes: Mapping[str, Any], source: BinaryIO, keep: Sequence[Range], target: Path
) -> CutResult:
    """Join what the parts have made; where one of them found that it cannot be, encode in one piece after all."""
    reason = None if notes["reason"] is None else NotCuttable(*notes["reason"])
    plan = [Segment.from_dict(segment) for segment in notes["plan"]]
    parts = ctx.parts()
    try:
        if any("refused" in part.result for part in parts):
            raise NotSplittable("refused", "A segment could not be encoded by itself.")
        with ExitStack() as files:
            sound = made_sound(ctx, files, parts)
            whole = join(plan, made_pictures(ctx, parts), sound, target, side=source, on_progress=ctx.progress)
    except NotSplittable:
        whole = encode(
            source,
            target,
            keep,
            limits=limits(ctx.settings),
            threads=ctx.settings.encode_threads,
            on_progress=ctx.progress,
        )
    return encoded(whole, reason)
