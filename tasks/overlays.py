"""What a brand stage lays over the body, read from its parameters; its segments read the same."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from fractions import Fraction
from typing import Any

from media import brand as engine
from tasks.context import StageContext


def during(params: Mapping[str, Any], start: Fraction, end: Fraction) -> dict[str, Any] | None:
    """Of the parameters of a brand stage those that say what is laid over the body between two times of it, in seconds;
    None for nothing. What a part does not show is none of its parameters, and may change without making it anew."""
    mark = params["watermark"]
    kept = mark if mark is not None and _is_on(mark, start, end) else None
    thirds = [third for third in params["lower_thirds"] if _is_on(third, start, end)]
    return {"watermark": kept, "lower_thirds": thirds} if kept is not None or thirds else None


def inputs(ctx: StageContext, asked: Mapping[str, Any]) -> dict[str, str]:
    """The inputs that go with such parameters, by their label there."""
    wanted = {
        "watermark": asked["watermark"] is not None,
        "logo": any(third["logo"] for third in asked["lower_thirds"]),
    }
    return {label: label for label, is_wanted in wanted.items() if is_wanted and ctx.has_input(label)}


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


def _is_on(asked: Mapping[str, Any], start: Fraction, end: Fraction) -> bool:
    until = _time(asked["end"])
    return Fraction(asked["start"]) <= end and (until is None or until >= start)


def _time(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)
