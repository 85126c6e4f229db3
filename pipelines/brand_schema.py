"""The brand of an edit, checked. What is left open is filled in when the edit is planned (`pipelines.branding`)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from pipelines.times import Share, Time, WholeRegexp, asset_id, colour

POSITIONS = ("top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right")
TRANSITIONS = ("cut", "dissolve", "fade", "wipe", "slide", "crossfade")
DIRECTIONS = ("left", "right", "up", "down")
CARD_TEMPLATES = ("plain", "center", "bar", "split", "frame", "band")
LOWER_TEMPLATES = ("bar", "line", "box")
SIDES = ("left", "center", "right")
FONTS = ("sans", "serif")
LOUDNESS = (-14, -16, -23)
CUT = {"type": "cut", "duration": "0", "direction": "left"}
_MOST_THIRDS = 20
_MOST_MARGIN = Fraction(4, 10)
_PLAIN = validate.Regexp(r"^[^\x00-\x08\x0b-\x1f\x7f]*$")
_TEXT = [validate.Length(min=1, max=200), _PLAIN]
_MAYBE = [validate.Length(max=200), _PLAIN]
_LOOK = {"background", "color", "accent", "font", "logo", "template"}


class LookSchema(Schema):
    """How a title looks; what is not said is as in the brand kit, or the standard."""

    background = colour(load_default=None, allow_none=True)
    color = colour(load_default=None, allow_none=True)
    accent = colour(load_default=None, allow_none=True, metadata={"description": "null for one that goes with it."})
    font = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(FONTS))

    @post_load
    def _small_letters(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return data | {name: data[name].lower() for name in ("background", "color", "accent") if data.get(name)}


class CardSchema(LookSchema):
    """An intro or outro: a video or image asset, or a title that is drawn."""

    asset = asset_id()
    title = fields.String(validate=_TEXT)
    subtitle = fields.String(validate=_TEXT)
    duration = Time(
        above="0", most="60", metadata={"description": "Seconds that an image or a title stays, 4 if not said."}
    )
    template = fields.String(validate=validate.OneOf(CARD_TEMPLATES))
    logo = fields.Boolean(metadata={"description": "Whether the brand's logo stands on it; true if not said."})

    @validates_schema(pass_original=True)
    def _one_kind(self, data: dict[str, Any], original: dict[str, Any], **_: Any) -> None:
        if ("asset" in data) == ("title" in data):
            raise ValidationError("Give either an asset or a title.")
        if "asset" in data and {"subtitle", *_LOOK} & set(original):
            raise ValidationError("subtitle, template, logo, font and colours go with a title, not with an asset.")

    @post_load
    def _defaults(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if "asset" in data:
            return {"asset": data["asset"], "duration": data.get("duration", "4")}
        return {"duration": "4", "subtitle": "", "template": "plain", "logo": True} | data


class LowerThirdSchema(LookSchema):
    """A name and what goes with it, over the lower part of the picture for some seconds."""

    title = fields.String(required=True, validate=_TEXT)
    subtitle = fields.String(load_default="", validate=_MAYBE)
    start = Time(required=True, metadata={"description": "When it comes, in seconds of the cut without intro."})
    end = Time(required=True, metadata={"description": "When it is gone again."})
    template = fields.String(load_default="bar", validate=validate.OneOf(LOWER_TEMPLATES))
    side = fields.String(load_default="left", validate=validate.OneOf(SIDES))
    logo = fields.Boolean(load_default=True)

    @validates_schema
    def _ordered(self, data: dict[str, Any], **_: Any) -> None:
        if {"start", "end"} <= set(data) and Fraction(data["start"]) >= Fraction(data["end"]):
            raise ValidationError("The end must come after the start.", "end")


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
            return dict(CUT)
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
    def _shows(self, data: dict[str, Any], **_: Any) -> None:
        """What the engine would refuse (`media.brand.Watermark`), before anything is made for it."""
        shares = {name: Fraction(data[name]) for name in ("opacity", "margin", "margin_y", "width") if data.get(name)}
        for name in ("opacity", "width"):
            if shares.get(name) == 0:
                raise ValidationError("Must be more than 0.", name)
        for name in ("margin", "margin_y"):
            if shares.get(name, Fraction(0)) > _MOST_MARGIN:
                raise ValidationError("Must be at most 0.4.", name)
        if shares.get("width", Fraction(0)) + 2 * shares.get("margin", Fraction(0)) > 1:
            raise ValidationError("With both margins it is wider than the picture.", "width")

    @validates_schema
    def _fits(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("end") is None or not {"start", "fade_in", "fade_out"} <= set(data):
            return
        lasts = Fraction(data["end"]) - Fraction(data["start"])
        if lasts <= 0:
            raise ValidationError("The end must come after the start.", "end")
        if Fraction(data["fade_in"]) + Fraction(data["fade_out"]) > lasts:
            raise ValidationError("The fades take longer than the watermark is shown.", "fade_out")


def kit_id(**options: Any) -> fields.String:
    """The id of a brand kit, `kit_…`."""
    return fields.String(validate=WholeRegexp(r"^kit_[0-9a-z]{26}$", error="Not a brand kit's id (kit_…)."), **options)


class BrandSchema(Schema):
    """What is put around and over the body. What is not said is as in the kit; null leaves it out all the same."""

    kit = kit_id(metadata={"description": "A brand kit whose logo, colours, font, cards and watermark are taken."})
    intro = fields.Nested(CardSchema, allow_none=True)
    outro = fields.Nested(CardSchema, allow_none=True)
    transition = fields.Nested(TransitionSchema)
    watermark = fields.Nested(WatermarkSchema, allow_none=True)
    lower_thirds = fields.List(fields.Nested(LowerThirdSchema), validate=validate.Length(max=_MOST_THIRDS))
    logo = asset_id(allow_none=True, metadata={"description": "An image that stands on titles and lower thirds."})
    loudness = fields.Integer(
        allow_none=True,
        strict=True,
        validate=validate.OneOf(LOUDNESS),
        metadata={"description": "LUFS that the sound is brought to (EBU R 128); null leaves it as it is."},
    )

    @validates_schema
    def _something(self, data: dict[str, Any], **_: Any) -> None:
        if not any(data.get(part) for part in ("kit", "intro", "outro", "watermark", "lower_thirds", "loudness")):
            raise ValidationError("Ask for something that is to be added, or leave brand out.")
