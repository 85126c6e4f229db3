"""Images in any size: the query of a signed address, and the request for one."""

from __future__ import annotations

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from pipelines.image_fields import choice
from pipelines.image_operations import FITS, GRAVITIES
from pipelines.image_schema import FORMATS

LONGEST_S = 366 * 24 * 3600
_PIXELS = validate.Range(1, 16_384)


def _side(key: str) -> fields.Integer:
    return fields.Integer(
        data_key=key, load_default=None, allow_none=True, validate=_PIXELS, metadata={"description": "In pixels."}
    )


class ImageQuery(Schema):
    """What a page wants: at most so wide and high, in a format that its browser reads."""

    width = _side("w")
    height = _side("h")
    fit = choice(*FITS, load_default="inside")
    gravity = choice(
        *GRAVITIES,
        load_default=None,
        allow_none=True,
        metadata={"description": "Which part `cover` keeps; `smart` and `face` look at the picture. Default center."},
    )
    format = choice(
        "auto",
        *FORMATS,
        load_default="auto",
        metadata={
            "description": "`auto`: AVIF or WebP where `Accept` names them; else JPEG, PNG of what is see-through, GIF "
            "of what moves."
        },
    )
    quality = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 100),
        metadata={"description": "Of lossy formats."},
    )


class SignedImageQuery(ImageQuery):
    """The same with what makes the address good."""

    expires = fields.Integer(metadata={"description": "Seconds since 1970."})
    s = fields.String(required=True, validate=validate.Length(max=64), metadata={"description": "The signature."})


class NewImageLink(ImageQuery):
    """An address to sign."""

    expires_s = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, LONGEST_S),
        metadata={"description": "Seconds that the address works; without it, as long as the asset is there."},
    )

    @validates_schema
    def _sized(self, data: dict[str, object], **_: object) -> None:
        if data.get("fit") in {"contain", "cover", "fill"} and not (data.get("width") and data.get("height")):
            raise ValidationError("This fit needs both w and h.", "fit")


class ImageLink(Schema):
    """A signed address."""

    url = fields.Url(required=True)
    expires_at = fields.AwareDateTime(required=True, allow_none=True, format="iso")
