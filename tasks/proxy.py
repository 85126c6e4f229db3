"""Proxy: a small film of a whole source, made once; every preview of an edit of it is cut from it.

It is cut into parts that many workers encode at once: the stage asks for them, and runs again to join what they made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from media.proxy.plan import ProxyPlan, plan_proxy
from media.proxy.whole import NAME, ProxyResult, join_proxy, make_proxy
from media.segments.errors import NotSplittable
from media.segments.plan import Segment
from media.types import Range
from tasks.base import stage
from tasks.context import Part, StageContext
from tasks.joining import keyframes, made_pictures, made_sound
from tasks.limits import limits

_SOUND_SHARE = 0.1
"""What it costs to encode sound, measured by pictures in small."""


@stage("proxy")
def proxy(ctx: StageContext) -> None:
    """Make the small film of a whole source that its previews are cut from."""
    with ctx.open(ctx.input("source")) as source, ctx.output(NAME) as target:
        made = _make(ctx, source, target) if ctx.notes is None else _join(ctx, ctx.notes, source, target)
        if made is not None:
            ctx.store({NAME: target}, result=made.to_dict(), warnings=[note.to_dict() for note in made.warnings])


def _make(ctx: StageContext, source: BinaryIO, target: Path) -> ProxyResult | None:
    """Make what is short; None when the parts of what is long were asked for."""
    plan = plan_proxy(
        source,
        keyframes(ctx),
        height=ctx.params["height"],
        width=ctx.settings.encode_width,
        limits=limits(ctx.settings),
    )
    if len(plan.segments) < 2:
        return _whole(ctx, source, target, plan)
    ctx.expand(_parts(plan, _watched_first(plan.segments, ctx.kept)), {"plan": plan.to_dict()})
    return None


def _whole(ctx: StageContext, source: BinaryIO, target: Path, plan: ProxyPlan) -> ProxyResult:
    source.seek(0)
    return make_proxy(
        source,
        target,
        plan,
        limits=limits(ctx.settings),
        threads=ctx.settings.encode_threads,
        on_progress=ctx.progress,
    )


def _watched_first(segments: Sequence[Segment], keep: Sequence[Range]) -> list[Segment]:
    """Segments in the order in which the edit that waits for them shows them; then those that it leaves out."""
    shown = [
        segment
        for kept in keep
        for segment in segments
        if segment.end > kept.start and (kept.end is None or segment.start < kept.end)
    ]
    return list({segment.number: segment for segment in (*shown, *segments)}.values())


def _parts(plan: ProxyPlan, segments: Sequence[Segment]) -> Iterator[Part]:
    look = plan.look.to_dict()
    for segment in segments:
        yield Part(
            name=f"part-{segment.number + 1:03}",
            kind="proxy_part",
            params={"segment": segment.to_dict(), "look": look},
            inputs={"source": "source"},
            share=float(segment.end - segment.start),
        )
    if plan.has_sound:
        yield Part(
            name="sound",
            kind="proxy_part",
            params={"sound": str(plan.duration)},
            inputs={"source": "source"},
            share=float(plan.duration) * _SOUND_SHARE,
        )


def _join(ctx: StageContext, notes: Mapping[str, Any], source: BinaryIO, target: Path) -> ProxyResult:
    """Join what the parts have made; where one of them found that it cannot be, make it in one piece after all."""
    plan = ProxyPlan.from_dict(notes["plan"])
    parts = ctx.parts()
    try:
        if any("refused" in part.result for part in parts):
            raise NotSplittable("refused", "A part could not be encoded by itself.")
        # They were asked for in another order.
        parts.sort(key=lambda part: part.result["made"].get("start", 0))
        with ExitStack() as files:
            sound = made_sound(ctx, files, parts)
            return join_proxy(plan, made_pictures(ctx, parts), sound, target, on_progress=ctx.progress)
    except NotSplittable:
        return _whole(ctx, source, target, plan)
