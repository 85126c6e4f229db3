"""Image: operations on a still or animated image, and the files that were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from media.image import operations as ops
from media.image.encode import Encoding
from media.image.lengths import Length
from media.image.plan import Output
from media.image.render import decode_overlay, render
from tasks.base import stage
from tasks.context import StageContext
from tasks.limits import limits

Asked = Mapping[str, Any]

_KINDS: dict[str, type[ops.Operation]] = {
    "crop": ops.Crop,
    "resize": ops.Resize,
    "rotate": ops.Rotate,
    "flip": ops.Flip,
    "adjust": ops.Adjust,
    "grayscale": ops.Grayscale,
    "sharpen": ops.Sharpen,
    "blur": ops.Blur,
    "pixelate": ops.Pixelate,
    "text": ops.Text,
    "overlay": ops.Overlay,
    "pad": ops.Pad,
    "background": ops.Background,
    "round": ops.RoundCorners,
}
_LENGTHS = {"x", "y", "top", "right", "bottom", "left", "margin", "letters"}
_FRACTIONS = {"angle", "brightness", "contrast", "saturation", "gamma", "amount", "opacity"}


@stage("image")
def image(ctx: StageContext) -> None:
    """Edit an image and write each file that was asked for."""
    bounds = limits(ctx.settings)
    operations = []
    for asked in ctx.params["operations"]:
        picture = None
        if "input" in asked:
            with ctx.open(ctx.input(asked["input"])) as overlay:
                picture = decode_overlay(overlay, bounds)
        operations.append(operation(asked, picture))
    with ctx.open(ctx.input("source")) as source, ctx.scratch() as folder:
        made = render(
            source,
            folder,
            [output(asked) for asked in ctx.params["outputs"]],
            operations,
            profile=ctx.params["profile"],
            limits=bounds,
            on_progress=ctx.progress,
        )
        ctx.store(
            {one.path.name: one.path for one in made.files.values()},
            result=made.to_dict(),
            warnings=[note.to_dict() for note in made.warnings],
            media={one.path.name: one.media for one in made.files.values()},
        )


def operation(asked: Asked, picture: Any = None) -> ops.Operation:
    """The engine's operation of a request's, in its normal form."""
    name, values = asked["op"], {key: value for key, value in asked.items() if key not in {"op", "input"}}
    if name == "text":
        values["letters"] = values.pop("size")
    if picture is not None:
        values["picture"] = picture
    return _KINDS[name](**{key: _value(name, key, value) for key, value in values.items()})


def output(asked: Asked) -> Output:
    """The engine's output of a request's."""
    background = asked["background"]
    size = {key: asked[key] for key in ("width", "height") if key in asked}
    resize = ops.Resize(
        **size, fit=asked["fit"], upscale=asked["upscale"], gravity=asked["gravity"], background=background
    )
    return Output(
        name=asked["name"],
        encoding=Encoding(
            format=asked["format"],
            quality=asked.get("quality"),
            lossless=asked["lossless"],
            background="#ffffff" if background == "transparent" else background,
        ),
        resize=resize if size else None,
        metadata=asked["metadata"],
    )


def _value(name: str, key: str, value: Any) -> Any:
    """A value of a request's normal form as the engine's type: `radius`, `width` and `height` mean several things."""
    if key == "region":
        return ops.Region(**{side: Length.of(text) for side, text in value.items()})
    if key == "aspect":
        width, height = value.split(":")
        return Fraction(int(width), int(height))
    if key in _FRACTIONS or (key == "radius" and name != "round"):
        return Fraction(value)
    if key in _LENGTHS or (key in {"width", "height", "radius"} and name != "resize"):
        return Length.of(value)
    return value
