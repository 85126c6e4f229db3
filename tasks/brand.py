"""Brand: intro and outro around the body, a watermark and lower thirds over it.

What changes little of the body is made at once. Where most of it is painted over, or long stretches of it, pictures are
encoded in segments, as those of an exact trim are: the stage asks for them as its parts, and runs again to join what
they made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from media import brand as engine
from media.brand.inlay import Inlay, split_painted
from media.brand.render import explained
from media.brand.segmented import brand_segments, needs_sound, shown_length, split_body
from media.segments.errors import NotSplittable
from media.segments.plan import Segment, ranges
from media.smartcut import NotCuttable
from tasks import overlays
from tasks.base import stage
from tasks.context import MadePart, Part, StageContext
from tasks.joining import SOUND_SHARE, made_paint, made_pictures, made_sound
from tasks.limits import limits
from tasks.limits import threads as segment_threads


@stage("brand")
def brand(ctx: StageContext) -> None:
    """Add intro, outro, watermark and lower thirds."""
    with ExitStack() as files:
        body = files.enter_context(ctx.open(ctx.input("body")))
        target = files.enter_context(ctx.output("video.mp4"))
        spec = replace(
            overlays.over(ctx, files, ctx.params),
            intro=_card(ctx, files, "intro"),
            outro=_card(ctx, files, "outro"),
            transition=_transition(ctx.params["transition"]),
            loudness=ctx.params["loudness"],
        )
        made = _make(ctx, body, target, spec) if ctx.notes is None else _join(ctx, ctx.notes, body, target, spec)
        if made is not None:
            ctx.store({"video.mp4": target}, result=made.to_dict(), warnings=[note.to_dict() for note in made.warnings])


def _make(ctx: StageContext, body: BinaryIO, target: Path, spec: engine.BrandSpec) -> engine.BrandResult | None:
    """Make it at once; None when the segments of what is long were asked for."""
    for inlay, split in ((False, split_body), (True, split_painted)):
        plan = split(body, spec, width=ctx.settings.encode_width, limits=limits(ctx.settings))
        body.seek(0)
        if plan is not None:
            parts = _parts(ctx, plan, body, spec, inlay=inlay)
            ctx.expand(parts, {"plan": [segment.to_dict() for segment in plan], "inlay": inlay})
            return None
    return _at_once(ctx, body, target, spec)


def _at_once(
    ctx: StageContext, body: BinaryIO, target: Path, spec: engine.BrandSpec, inlay: Inlay | None = None
) -> engine.BrandResult:
    return engine.brand(
        body,
        target,
        spec,
        limits=limits(ctx.settings),
        threads=ctx.settings.encode_threads,
        on_progress=ctx.progress,
        inlay=inlay,
    )


def _parts(
    ctx: StageContext, plan: Sequence[Segment], body: BinaryIO, spec: engine.BrandSpec, *, inlay: bool
) -> Iterator[Part]:
    # Encoders decide by their number of threads: named here, it is the same on every worker, and part of the digest.
    threads = segment_threads(ctx.settings)
    duration = str(shown_length(body, spec))
    for segment in plan:
        params, inputs = segment.to_dict() | {"threads": threads}, {"source": "body"}
        over = overlays.during(ctx.params, segment.parts[0].start, segment.parts[-1].end)
        if over is not None:
            params["over"] = over | {"duration": duration}
            inputs |= overlays.inputs(ctx, over)
        if inlay:
            params["inlay"] = True
        yield Part(
            name=f"segment-{segment.number + 1:03}",
            kind="segment",
            params=params,
            inputs=inputs,
            share=float(segment.end - segment.start),
        )
    if not inlay and needs_sound(body):
        keep = [[str(piece.start), str(piece.end)] for piece in ranges(plan)]
        share = float(plan[-1].end) * SOUND_SHARE
        yield Part(name="sound", kind="sound", params={"keep": keep}, inputs={"source": "body"}, share=share)


def _join(
    ctx: StageContext, notes: Mapping[str, Any], body: BinaryIO, target: Path, spec: engine.BrandSpec
) -> engine.BrandResult:
    """Join what the parts have made; where they do not fit together, encode in one piece after all."""
    plan = [Segment.from_dict(segment) for segment in notes["plan"]]
    parts: Sequence[MadePart] = ctx.parts()
    reason: NotCuttable | None = None
    try:
        if any("refused" in part.result for part in parts):
            raise NotSplittable("refused", "A segment could not be encoded by itself.")
        if notes.get("inlay"):
            return _at_once(ctx, body, target, spec, Inlay(plan, made_paint(ctx, parts)))
        with ExitStack() as files:
            return brand_segments(
                body,
                target,
                spec,
                plan,
                made_pictures(ctx, parts),
                sound=made_sound(ctx, files, parts),
                scratch=files.enter_context(ctx.scratch()),
                limits=limits(ctx.settings),
                threads=ctx.settings.encode_threads,
                on_progress=ctx.progress,
            )
    except NotCuttable as refusal:
        reason = refusal
    except NotSplittable:
        pass
    body.seek(0)
    return explained(_at_once(ctx, body, target, spec), reason)


def _card(ctx: StageContext, files: ExitStack, label: str) -> engine.Card | None:
    asked: Mapping[str, Any] | None = ctx.params[label]
    if asked is None:
        return None
    duration = Fraction(asked["duration"])
    if ctx.has_input(label):
        file = files.enter_context(ctx.open(ctx.input(label)))
        return engine.card_from_file(file, duration, limits=limits(ctx.settings))
    return engine.TitleCard(duration=duration, **overlays.look(ctx, files, asked))


def _transition(asked: Mapping[str, Any]) -> engine.Transition:
    return engine.Transition(asked["type"], Fraction(asked["duration"]), asked["direction"])
