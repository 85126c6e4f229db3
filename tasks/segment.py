"""Segment: the pictures of one part of an exact trim, or of a body that is painted over, all of it or for a while."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from media.brand.inlay import PaintedSegment, paint_segment
from media.brand.segmented import dressed
from media.segments.errors import NotSplittable
from media.segments.pictures import Dress, EncodedSegment, encode_segment
from media.segments.plan import Segment
from media.smartcut import NotCuttable
from tasks import overlays
from tasks.base import stage
from tasks.context import StageContext
from tasks.limits import limits


@stage("segment")
def segment(ctx: StageContext) -> None:
    """Encode the pictures of one part of what is encoded in segments."""
    with ExitStack() as files:
        source = files.enter_context(ctx.open(ctx.input("source")))
        target = files.enter_context(ctx.output("video.mp4"))
        make = _painted if ctx.params.get("inlay") else _encoded
        try:
            made = make(ctx, files, source, target)
        except (NotSplittable, NotCuttable) as refusal:
            # A finding about the source like any other: who joins reads it and encodes in one piece.
            ctx.store({}, result={"refused": refusal.code})
        else:
            ctx.store({"video.mp4": target}, result={"made": made.to_dict()})


def _encoded(ctx: StageContext, files: ExitStack, source: BinaryIO, target: Path) -> EncodedSegment:
    return encode_segment(
        source,
        target,
        Segment.from_dict(ctx.params),
        limits=limits(ctx.settings),
        threads=ctx.params["threads"],
        dress=_dress(ctx, files),
        on_progress=ctx.progress,
    )


def _painted(ctx: StageContext, files: ExitStack, source: BinaryIO, target: Path) -> PaintedSegment:
    over = ctx.params["over"]
    return paint_segment(
        source,
        target,
        Segment.from_dict(ctx.params),
        overlays.over(ctx, files, over),
        Fraction(over["duration"]),
        limits=limits(ctx.settings),
        threads=ctx.params["threads"],
        on_progress=ctx.progress,
    )


def _dress(ctx: StageContext, files: ExitStack) -> Dress | None:
    over = ctx.params.get("over")
    if over is None:
        return None
    return dressed(overlays.over(ctx, files, over), Fraction(over["duration"]), limits(ctx.settings))
