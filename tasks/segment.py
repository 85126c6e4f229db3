"""Segment: the pictures of one part of an exact trim."""

from __future__ import annotations

from media.segments.errors import NotSplittable
from media.segments.pictures import encode_segment
from media.segments.plan import Segment
from tasks.base import stage
from tasks.context import StageContext
from tasks.limits import limits


@stage("segment")
def segment(ctx: StageContext) -> None:
    """Encode the pictures of one part of an exact trim."""
    with ctx.open(ctx.input("source")) as source, ctx.output("video.mp4") as target:
        try:
            made = encode_segment(
                source,
                target,
                Segment.from_dict(ctx.params),
                limits=limits(ctx.settings),
                threads=ctx.params["threads"],
                on_progress=ctx.progress,
            )
        except NotSplittable as refusal:
            # A finding about the source like any other: the trim reads it and encodes in one piece.
            ctx.store({}, result={"refused": refusal.code})
        else:
            ctx.store({"video.mp4": target}, result={"made": made.to_dict()})
