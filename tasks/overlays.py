"""What a brand stage lays over the body, read from its parameters; its segments read the same."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from fractions import Fraction
from typing import Any

from media import brand as engine
from tasks.context import StageContext


def parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """Of the parameters of a brand stage those that say what is laid over the body."""
    return {"watermark": params["watermark"], "lower_thirds": params["lower_thirds"]}


def inputs(ctx: StageContext) -> dict[str, str]:
    """The inputs that go with them, by their label there."""
    return {label: label for label in ("watermark", "logo") if ctx.has_input(label)}


def watermark(ctx: StageContext, files: ExitStack, asked: Mapping[str, Any] | None) -> engine.Watermark | None:
    """The watermark; `files` closes its image."""
    if asked is None:
        return None
    return engine.Watermark(
        file=files.enter_context(ctx.open(ctx.input("watermark"))),
        position=asked["position"],
        opacity=Fraction(asked["opacity"]),
        margin=Fraction(asked["margin"]),
        margin_y=_time(asked["margin_y"]),
        width=Fraction(asked["width"]),
        start=Fraction(asked["start"]),
        end=_time(asked["end"]),
        fade_in=Fraction(asked["fade_in"]),
        fade_out=Fraction(asked["fade_out"]),
    )


def over(ctx: StageContext, files: ExitStack, params: Mapping[str, Any]) -> engine.BrandSpec:
    """All of it, and nothing else; `files` closes the images."""
    thirds = [
        engine.LowerThird(
            start=Fraction(asked["start"]),
            end=Fraction(asked["end"]),
            side=asked["side"],
            **look(ctx, files, asked),
        )
        for asked in params["lower_thirds"]
    ]
    return engine.BrandSpec(watermark=watermark(ctx, files, params["watermark"]), lower_thirds=tuple(thirds))


def look(ctx: StageContext, files: ExitStack, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The text of a title and how it looks; `files` closes its logo."""
    names = ("title", "subtitle", "template", "background", "color", "accent", "font")
    logo = files.enter_context(ctx.open(ctx.input("logo"))) if asked["logo"] and ctx.has_input("logo") else None
    return {name: asked[name] for name in names} | {"logo": logo}


def _time(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)
