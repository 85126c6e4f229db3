"""Proxy part: the pictures of one stretch of a proxy, or all of its sound."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from media.errors import EngineError
from media.hls.index import Rendition
from media.hls.parts import pack_part
from media.proxy.pictures import encode_pictures
from media.proxy.plan import Look
from media.proxy.sound import encode_sound
from media.segments.errors import NotSplittable
from media.segments.plan import Segment
from tasks import aids
from tasks.base import stage
from tasks.context import StageContext
from tasks.limits import limits, threads


@stage("proxy_part")
def proxy_part(ctx: StageContext) -> None:
    """Encode the pictures of one part of a proxy, or its sound."""
    if "sound" in ctx.params:
        _sound(ctx)
    else:
        _pictures(ctx)


def _sound(ctx: StageContext) -> None:
    duration = Fraction(ctx.params["sound"])
    with ctx.open(ctx.input("source")) as source, ctx.output("sound.m4a") as target:
        made, _ = encode_sound(source, target, duration, limits=limits(ctx.settings), on_progress=ctx.progress)
        ctx.store({"sound.m4a": target}, result={"made": made.to_dict()})


def _pictures(ctx: StageContext) -> None:
    segment = Segment.from_dict(ctx.params["segment"])
    with ctx.open(ctx.input("source")) as source, ctx.output("video.mp4") as target:
        try:
            made = encode_pictures(
                source,
                target,
                segment,
                Look.from_dict(ctx.params["look"]),
                limits=limits(ctx.settings),
                threads=threads(ctx.settings),
                on_progress=ctx.progress,
            )
        except NotSplittable as refusal:
            # A finding about the source like any other: who joins reads it and makes it in one piece.
            ctx.store({}, result={"refused": refusal.code})
        else:
            fragments = target.with_name("fragments.mp4")
            packed, warnings = _packed(ctx, source, target, made.start, segment.end, into=fragments)
            files = {"video.mp4": target} if packed is None else {"video.mp4": target, fragments.name: fragments}
            told = {} if packed is None else {"fragments": packed.to_dict()}
            ctx.store(files, result={"made": made.to_dict(), **told}, warnings=warnings)


def _packed(
    ctx: StageContext, source: BinaryIO, film: Path, start: int, end: Fraction, *, into: Path
) -> tuple[Rendition | None, list[dict[str, str]]]:
    """Pack the part to be played before the others are made (see `pipelines.growing`), or say why it is not."""
    try:
        return pack_part(source, film, start, end, into, limits=limits(ctx.settings)), []
    except EngineError as fault:
        return None, aids.done_without(aids.GROWING, fault)
