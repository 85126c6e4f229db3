"""Trim: the ranges to keep, frame-exact, as one file."""

from __future__ import annotations

from fractions import Fraction

from media.cut import cut
from media.types import Range
from tasks.base import stage
from tasks.context import StageContext
from tasks.limits import limits


@stage("trim")
def trim(ctx: StageContext) -> None:
    """Keep the ranges that were asked for, frame-exact."""
    keep = [Range(Fraction(start), None if end is None else Fraction(end)) for start, end in ctx.params["keep"]]
    with ctx.open(ctx.input("source")) as source, ctx.scratch() as folder:
        target = folder / "video.mp4"
        made = cut(
            source,
            target,
            keep,
            mode=ctx.params["mode"],
            limits=limits(ctx.settings),
            threads=ctx.settings.encode_threads,
            on_progress=ctx.progress,
        )
        ctx.store({"video.mp4": target}, result=made.to_dict(), warnings=[note.to_dict() for note in made.warnings])
