"""The request of an edit, checked and brought to one normal form, so that equal requests have equal digests."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate, validates_schema

from core.settings import get_settings
from pipelines.request_schema import RequestSchema
from pipelines.times import Share, Time, asset_id, colour

POSITIONS = (
    "top-left",
    "top",
    "top-right",
    "left",
    "center",
    "right",
    "bottom-left",
    "bottom",
    "bottom-right",
)
TRANSITIONS = ("cut", "dissolve", "fade", "wipe", "slide", "crossfade")
DIRECTIONS = ("left", "right", "up", "down")
MODES = ("smart", "exact", "copy")
_CUT = {"type": "cut", "duration": "0", "direction": "left"}
_TEXT = [validate.Length(min=1, max=200), validate.Regexp(r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]


class KeepSchema(Schema):
    """One half-open range `[start, end)` to keep; without `end` it goes to the end of the recording."""

    start = Time(load_default="0")
    end = Time(load_default=None, allow_none=True)

    @validates_schema
    def _ordered(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("end") is not None and "start" in data and Fraction(data["start"]) >= Fraction(data["end"]):
            raise ValidationError("The end must come after the start.", "end")


class PreviewSchema(Schema):
    """The preview: a small proxy with poster, sprite sheet and thumbnails track."""

    height = fields.Integer(load_default=360, strict=True, validate=validate.Range(144, 1080))


class CardSchema(Schema):
    """An intro or outro: a video or image asset, or a title that is drawn."""

    asset = asset_id()
    title = fields.String(validate=_TEXT)
    subtitle = fields.String(validate=_TEXT)
    duration = Time(
        above="0", most="60", metadata={"description": "Seconds that an image or a title stays, 4 if not said."}
    )
    background = colour()
    color = colour()

    @validates_schema
    def _one_kind(self, data: dict[str, Any], **_: Any) -> None:
        if ("asset" in data) == ("title" in data):
            raise ValidationError("Give either an asset or a title.")
        if "asset" in data and {"subtitle", "background", "color"} & set(data):
            raise ValidationError("subtitle, background and color go with a title, not with an asset.")

    @post_load
    def _defaults(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        title = {"subtitle": "", "background": "#101820", "color": "#ffffff"} if "title" in data else {}
        full = {"duration": "4"} | title | data
        return full | {name: full[name].lower() for name in ("background", "color") if name in full}


class TransitionSchema(Schema):
    """How intro, body and outro meet; all but a cut take a while, in which the sound is crossfaded."""

    type = fields.String(
        load_default="cut",
        validate=validate.OneOf(TRANSITIONS),
        metadata={"description": "fade goes through black; crossfade is another name for dissolve."},
    )
    duration = Time(load_default="0.5", above="0", most="10")
    direction = fields.String(
        load_default="left",
        validate=validate.OneOf(DIRECTIONS),
        metadata={"description": "Where a wipe or slide moves to."},
    )

    @post_load
    def _normal(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Equal transitions are written in one way."""
        if data["type"] == "cut":
            return dict(_CUT)
        kind = "dissolve" if data["type"] == "crossfade" else data["type"]
        return data | {"type": kind, "direction": data["direction"] if kind in {"wipe", "slide"} else "left"}


class WatermarkSchema(Schema):
    """An image over the body; `width` is its size, and with the margins a share of the picture's width."""

    asset = asset_id(required=True)
    position = fields.String(load_default="top-right", validate=validate.OneOf(POSITIONS))
    opacity = Share(load_default="0.8")
    margin = Share(load_default="0.03")
    margin_y = Share(
        load_default=None,
        allow_none=True,
        metadata={"description": "The margin above or below, if it is another; also a share of the picture's width."},
    )
    width = Share(load_default="0.12")
    start = Time(load_default="0", metadata={"description": "When it appears, in seconds of the cut without intro."})
    end = Time(load_default=None, allow_none=True, metadata={"description": "When it goes; null for the end."})
    fade_in = Time(load_default="0", most="10")
    fade_out = Time(load_default="0", most="10")

    @validates_schema
    def _fits(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("end") is None or not {"start", "fade_in", "fade_out"} <= set(data):
            return
        lasts = Fraction(data["end"]) - Fraction(data["start"])
        if lasts <= 0:
            raise ValidationError("The end must come after the start.", "end")
        if Fraction(data["fade_in"]) + Fraction(data["fade_out"]) > lasts:
            raise ValidationError("The fades take longer than the watermark is shown.", "fade_out")


class BrandSchema(Schema):
    """What is put around and over the body."""

    intro = fields.Nested(CardSchema, load_default=None, allow_none=True)
    outro = fields.Nested(CardSchema, load_default=None, allow_none=True)
    transition = fields.Nested(TransitionSchema, load_default=lambda: dict(_CUT))
    watermark = fields.Nested(WatermarkSchema, load_default=None, allow_none=True)

    @post_load
    def _without_what_has_no_effect(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return data if data["intro"] or data["outro"] else data | {"transition": dict(_CUT)}

    @validates_schema
    def _something(self, data: dict[str, Any], **_: Any) -> None:
        if not any(data.get(part) for part in ("intro", "outro", "watermark")):
            raise ValidationError("Ask for an intro, an outro or a watermark, or leave brand out.")


class EditSchema(RequestSchema):
    """Keep some ranges of a recording; add a preview and branding if wanted."""

    input = asset_id(required=True)
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
        PreviewSchema, load_default=lambda: {"height": 360}, allow_none=True, metadata={"description": "null for none."}
    )
    brand = fields.Nested(BrandSchema, load_default=None, allow_none=True)

    @pre_load
    def _plain_preview(self, data: Any, **_: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("preview"), bool):
            return data | {"preview": {} if data["preview"] else None}
        return data

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
