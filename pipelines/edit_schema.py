"""The request of an edit, checked and brought to one normal form, so that equal requests have equal digests."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate, validates_schema

from core.settings import get_settings
from pipelines.brand_schema import BrandSchema
from pipelines.request_schema import RequestSchema
from pipelines.sources import SourceField
from pipelines.times import Time, colour

MODES = ("smart", "exact", "copy")
LADDER = (360, 540, 720, 1080)
WAVEFORM_COLOR = "#f2a93b"


class KeepSchema(Schema):
    """One half-open range `[start, end)` to keep; without `end` it goes to the end of the recording."""

    start = Time(load_default="0")
    end = Time(load_default=None, allow_none=True)

    @validates_schema
    def _ordered(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("end") is not None and "start" in data and Fraction(data["start"]) >= Fraction(data["end"]):
            raise ValidationError("The end must come after the start.", "end")


class PreviewSchema(Schema):
    """The preview: a small film with poster, sprite sheet and thumbnails track, teaser and waveform."""

    height = fields.Integer(
        load_default=360,
        strict=True,
        validate=validate.Range(144, 1080),
        metadata={"description": "Pixels of the film's shorter side."},
    )
    teaser = fields.Boolean(
        load_default=True,
        truthy={True},
        falsy={False},
        metadata={"description": "An animated WebP of its best moments."},
    )
    waveform = fields.Boolean(
        load_default=True,
        truthy={True},
        falsy={False},
        metadata={"description": "The sound's peaks as JSON and as PNG."},
    )
    waveform_color = colour(load_default=WAVEFORM_COLOR)

    @post_load
    def _small_letters(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return data | {"waveform_color": data["waveform_color"].lower() if data["waveform"] else WAVEFORM_COLOR}


class HlsSchema(Schema):
    """Streaming: which sizes the result comes in, as the pixels of the shorter side."""

    ladder = fields.List(
        fields.Integer(strict=True, validate=validate.Range(144, 2160)),
        load_default=lambda: list(LADDER),
        validate=validate.Length(min=1, max=8),
        metadata={
            "description": "Never enlarged: for sizes above the result's own, its own is taken.",
            "default": list(LADDER),
        },
    )

    @post_load
    def _sorted(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"ladder": sorted(set(data["ladder"]))}


class EditSchema(RequestSchema):
    """Keep some ranges of a recording; add a preview and branding if wanted."""

    input = SourceField(required=True)
    keep = fields.List(fields.Nested(KeepSchema), required=True, validate=validate.Length(min=1))
    mode = fields.String(
        load_default="smart",
        validate=validate.OneOf(MODES),
        metadata={
            "description": "How to cut: smart copies what it can and encodes only the frames at the edges, exact "
            "encodes everything, copy encodes nothing and snaps to keyframes. The result of trim says which was used."
        },
    )
    preview = fields.Nested(
        PreviewSchema,
        load_default=lambda: PreviewSchema().load({}),
        allow_none=True,
        metadata={"description": "null for none."},
    )
    hls = fields.Nested(
        HlsSchema,
        load_default=None,
        allow_none=True,
        metadata={"description": "The result as a stream in several sizes; `true` for the usual ones, null for none."},
    )
    brand = fields.Nested(BrandSchema, load_default=None, allow_none=True)

    @pre_load
    def _plain_words(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, dict):
            return data
        words = {name: data[name] for name in ("preview", "hls") if isinstance(data.get(name), bool)}
        return data | {name: {} if wanted else None for name, wanted in words.items()}

    @post_load
    def _join_neighbours(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """What goes on where the range before ended is one range."""
        joined: list[dict[str, Any]] = []
        for piece in data["keep"]:
            if joined and joined[-1]["end"] == piece["start"]:
                joined[-1] = joined[-1] | {"end": piece["end"]}
            else:
                joined.append(piece)
        return data | {"keep": joined}

    @validates_schema
    def _not_too_many(self, data: dict[str, Any], **_: Any) -> None:
        most = get_settings().max_keep_ranges
        if len(data.get("keep", ())) > most:
            raise ValidationError(f"At most {most} ranges may be kept.", "keep")
