"""The request of an image job, checked and brought to one normal form, so that equal requests have equal digests."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from pipelines.image_fields import TRANSPARENT, Colour, Tagged, choice, side
from pipelines.image_operations import FITS, GRAVITIES, GRAVITY, OPERATIONS, without_idle_fit
from pipelines.request_schema import RequestSchema
from pipelines.sources import SourceField
from pipelines.times import WholeRegexp

FORMATS = ("webp", "jpeg", "png", "avif", "gif")
QUALITIES = {"webp": 80, "jpeg": 82, "avif": 60}
_LOSSLESS = ("webp", "avif")
_MOST_OPERATIONS = 50
_MOST_OUTPUTS = 20


class ImageOutputSchema(Schema):
    """One file to make: the picture after all operations, at most so wide and high."""

    name = fields.String(
        required=True,
        validate=WholeRegexp(r"^[a-z0-9][a-z0-9_-]{0,39}$", error="Write 1 to 40 of a-z, 0-9, - and _."),
        metadata={"example": "large"},
    )
    format = choice(*FORMATS, load_default="webp")
    width = side()
    height = side()
    fit = choice(*FITS, load_default="inside")
    upscale = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    gravity = choice(*GRAVITIES, load_default="center", metadata=GRAVITY)
    background = Colour(
        alpha=False,
        load_default=TRANSPARENT,
        metadata={"description": "Around what is contained, and behind a transparent picture in JPEG (there: white)."},
    )
    quality = fields.Integer(
        strict=True,
        validate=validate.Range(1, 100),
        metadata={"description": f"Of {', '.join(f'{name} (else {value})' for name, value in QUALITIES.items())}."},
    )
    lossless = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    metadata = choice(
        "strip",
        "keep",
        "keep-gps",
        load_default="strip",
        metadata={"description": "The camera's EXIF tags; keep leaves out where it was taken. GIF holds none."},
    )

    @validates_schema
    def _fits_the_format(self, data: dict[str, Any], **_: Any) -> None:
        kind = data.get("format")
        if "quality" in data and (kind not in QUALITIES or data.get("lossless")):
            raise ValidationError("Goes with lossy webp, jpeg and avif alone.", "quality")
        if data.get("lossless") and kind not in _LOSSLESS:
            raise ValidationError("Goes with webp and avif; png is lossless by itself.", "lossless")

    @post_load
    def _normal(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        data = without_idle_fit(data)
        if data["format"] in QUALITIES and not data["lossless"]:
            data.setdefault("quality", QUALITIES[data["format"]])
        if data["format"] != "jpeg" and data["fit"] != "contain":
            data = data | {"background": TRANSPARENT}
        return data if data["format"] != "gif" else data | {"metadata": "strip"}


class ImageSchema(RequestSchema):
    """Edit an image: an ordered list of operations, then one or more files. Animations stay animated."""

    input = SourceField(required=True)
    operations = fields.List(
        Tagged("op", OPERATIONS), load_default=list, validate=validate.Length(max=_MOST_OPERATIONS)
    )
    outputs = fields.List(
        fields.Nested(ImageOutputSchema), required=True, validate=validate.Length(min=1, max=_MOST_OUTPUTS)
    )
    profile = choice(
        "srgb",
        "keep",
        load_default="srgb",
        metadata={"description": "Whether colours are converted to sRGB, or stay as they are with their ICC profile."},
    )

    @validates_schema
    def _names_are_single(self, data: dict[str, Any], **_: Any) -> None:
        names = [output["name"] for output in data.get("outputs", ()) if "name" in output]
        if len(names) != len(set(names)):
            raise ValidationError("Each output needs a name of its own.", "outputs")

    @post_load
    def _without_what_does_nothing(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return data | {"operations": [operation for operation in data["operations"] if not _is_idle(operation)]}


def _is_idle(operation: dict[str, Any]) -> bool:
    match operation["op"]:
        case "adjust":
            return all(operation[name] == "1" for name in ("brightness", "contrast", "saturation", "gamma"))
        case "rotate":
            return bool(operation["angle"] == "0")
        case "pad":
            return all(operation[name] == "0" for name in ("top", "right", "bottom", "left"))
        case _:
            return False
