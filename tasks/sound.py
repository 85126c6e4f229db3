"""Sound: all of what is encoded in segments, as one stream."""

from __future__ import annotations

from fractions import Fraction

from media.segments.sound import encode_sound
from media.types import Range
from tasks.base import stage
from tasks.context import StageContext
from tasks.limits import limits


@stage("sound")
def sound(ctx: StageContext) -> None:
    """Encode all the sound of what is encoded in segments."""
    keep = [Range(Fraction(start), Fraction(end)) for start, end in ctx.params["keep"]]
    with ctx.open(ctx.input("source")) as source, ctx.output("sound.m4a") as target:
        made = encode_sound(source, target, keep, limits=limits(ctx.settings), on_progress=ctx.progress)
        ctx.store({"sound.m4a": target}, result={"made": made.to_dict()})
