"""The operations of an image request: one schema each, with every default filled in."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from pipelines.image_fields import TRANSPARENT, Aspect, Colour, LengthField, Number, choice, plain, side
from pipelines.times import Share, asset_id

PLACES = (
    "center", "top", "bottom", "left", "right", "top-left", "top-right", "bottom-left", "bottom-right",
)  # fmt: skip
GRAVITIES = (*PLACES, "smart", "face")
FITS = ("inside", "contain", "cover", "fill")
_TEXT = [validate.Length(min=1, max=500), validate.Regexp(r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
GRAVITY = {
    "description": "smart looks for edges and for colours that stand out; face keeps the faces, and is smart where "
    "there are none (warning no_face)."
}


class CropSchema(Schema):
    """Keep a part: an `aspect` as large as fits, or `width` × `height`; `x` and `y`, or else `gravity`, place it."""

    aspect = Aspect()
    x = LengthField(zero=True)
    y = LengthField(zero=True)
    width = LengthField()
    height = LengthField()
    gravity = choice(*GRAVITIES, load_default="center", metadata=GRAVITY)

    @validates_schema
    def _one_kind(self, data: dict[str, Any], **_: Any) -> None:
        if "aspect" in data and {"x", "y", "width", "height"} & set(data):
            raise ValidationError("aspect goes with gravity alone.", "aspect")
        if not {"aspect", "width", "height"} & set(data):
            raise ValidationError("Say what to keep: an aspect, a width or a height.")


class ResizeSchema(Schema):
    """Another size: `inside` the box, `contain` on a canvas, `cover` and cut off, or `fill` by stretching."""

    width = side()
    height = side()
    fit = choice(*FITS, load_default="inside")
    upscale = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    gravity = choice(*GRAVITIES, load_default="center", metadata=GRAVITY)
    background = Colour(load_default=TRANSPARENT, metadata={"description": "Around what is contained."})

    @validates_schema
    def _some_size(self, data: dict[str, Any], **_: Any) -> None:
        if "width" not in data and "height" not in data:
            raise ValidationError("Give a width, a height, or both.")

    @post_load
    def _without_what_has_no_effect(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        made = without_idle_fit(data)
        return made if made["fit"] == "contain" else made | {"background": TRANSPARENT}


def without_idle_fit(data: dict[str, Any]) -> dict[str, Any]:
    """With one side, or inside a box, there is nothing to fill and nothing to cut off."""
    if "width" not in data or "height" not in data:
        data = data | {"fit": "inside"}
    if data["fit"] in {"inside", "fill"}:
        data = data | {"gravity": "center"}
    return data


class RotateSchema(Schema):
    """Turn clockwise by `angle` degrees; corners that come free are filled with `background`."""

    angle = Number("-360", "360", required=True, metadata={"description": "Degrees clockwise.", "example": 90})
    background = Colour(load_default=TRANSPARENT)

    @post_load
    def _within_a_turn(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return data | {"angle": plain(Fraction(data["angle"]) % 360)}


class FlipSchema(Schema):
    """Mirror."""

    axis = choice("horizontal", "vertical", load_default="horizontal")


class AdjustSchema(Schema):
    """Each 1 for no change: (v^(1/gamma) · brightness − ½) · contrast + ½ of values v from 0 to 1, then saturation."""

    brightness = Number("0", "10", load_default="1")
    contrast = Number("0", "10", load_default="1")
    saturation = Number("0", "10", load_default="1")
    gamma = Number("0.1", "10", load_default="1")


class GrayscaleSchema(Schema):
    """Take the colours out."""


class SharpenSchema(Schema):
    """An unsharp mask: `amount` of the difference from a blur of `radius` pixels, where it is above `threshold`."""

    radius = Number("0.1", "20", load_default="1.5")
    amount = Number("0", "5", load_default="0.8")
    threshold = fields.Integer(load_default=2, strict=True, validate=validate.Range(0, 255))


class RegionSchema(Schema):
    """A rectangle."""

    x = LengthField(zero=True, load_default="0")
    y = LengthField(zero=True, load_default="0")
    width = LengthField(required=True)
    height = LengthField(required=True)


class BlurSchema(Schema):
    """A Gaussian blur of everything or of a region. To hide something, pixelate it."""

    radius = Number("0.1", "200", load_default="5")
    region = fields.Nested(RegionSchema)


class PixelateSchema(Schema):
    """Blocks of one colour, everywhere or in a region."""

    block = fields.Integer(load_default=16, strict=True, validate=validate.Range(2, 512))
    region = fields.Nested(RegionSchema)


class TextSchema(Schema):
    """Lines of type, `size` of the picture's height, on a `plate` if one is given."""

    text = fields.String(required=True, validate=_TEXT)
    size = LengthField(load_default="5%")
    color = Colour(alpha=False, load_default="#ffffff")
    plate = Colour()
    opacity = Share(load_default="1")
    position = choice(*PLACES, load_default="bottom")
    margin = LengthField(zero=True, load_default="5%")


class OverlaySchema(Schema):
    """Another image over this one, `width` of it wide."""

    asset = asset_id(required=True)
    width = LengthField(load_default="25%")
    opacity = Share(load_default="1")
    position = choice(*PLACES, load_default="bottom-right")
    margin = LengthField(zero=True, load_default="5%")


class PadSchema(Schema):
    """Room around the picture."""

    top = LengthField(zero=True, load_default="0")
    right = LengthField(zero=True, load_default="0")
    bottom = LengthField(zero=True, load_default="0")
    left = LengthField(zero=True, load_default="0")
    color = Colour(load_default=TRANSPARENT)


class BackgroundSchema(Schema):
    """A colour behind what is transparent."""

    color = Colour(load_default="#ffffff")


class RoundSchema(Schema):
    """Round corners; 50 % makes a circle of a square."""

    radius = LengthField(load_default="5%")


OPERATIONS: dict[str, type[Schema]] = {
    "crop": CropSchema,
    "resize": ResizeSchema,
    "rotate": RotateSchema,
    "flip": FlipSchema,
    "adjust": AdjustSchema,
    "grayscale": GrayscaleSchema,
    "sharpen": SharpenSchema,
    "blur": BlurSchema,
    "pixelate": PixelateSchema,
    "text": TextSchema,
    "overlay": OverlaySchema,
    "pad": PadSchema,
    "background": BackgroundSchema,
    "round": RoundSchema,
}
