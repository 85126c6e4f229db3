"""Brand: intro and outro around the body, a watermark over it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from fractions import Fraction
from typing import Any

from media import brand as engine
from tasks.base import stage
from tasks.context import StageContext
from tasks.limits import limits


@stage("brand")
def brand(ctx: StageContext) -> None:
    """Add intro, outro and watermark."""
    with ExitStack() as files:
        body = files.enter_context(ctx.open(ctx.input("body")))
        target = files.enter_context(ctx.output("video.mp4"))
        spec = engine.BrandSpec(
            intro=_card(ctx, files, "intro"),
            outro=_card(ctx, files, "outro"),
            transition=_transition(ctx.params["transition"]),
            watermark=_watermark(ctx, files),
        )
        made = engine.brand(
            body,
            target,
            spec,
            limits=limits(ctx.settings),
            threads=ctx.settings.encode_threads,
            on_progress=ctx.progress,
        )
        ctx.store({"video.mp4": target}, result=made.to_dict(), warnings=[note.to_dict() for note in made.warnings])


def _card(ctx: StageContext, files: ExitStack, label: str) -> engine.Card | None:
    asked: Mapping[str, Any] | None = ctx.params[label]
    if asked is None:
        return None
    duration = Fraction(asked["duration"])
    if ctx.has_input(label):
        file = files.enter_context(ctx.open(ctx.input(label)))
        return engine.card_from_file(file, duration, limits=limits(ctx.settings))
    return engine.TitleCard(
        title=asked["title"],
        subtitle=asked["subtitle"],
        duration=duration,
        background=asked["background"],
        color=asked["color"],
    )


def _transition(asked: Mapping[str, Any]) -> engine.Transition:
    return engine.Transition(asked["type"], Fraction(asked["duration"]))


def _watermark(ctx: StageContext, files: ExitStack) -> engine.Watermark | None:
    asked: Mapping[str, Any] | None = ctx.params["watermark"]
    if asked is None:
        return None
    return engine.Watermark(
        file=files.enter_context(ctx.open(ctx.input("watermark"))),
        position=asked["position"],
        opacity=Fraction(asked["opacity"]),
        margin=Fraction(asked["margin"]),
        width=Fraction(asked["width"]),
    )
