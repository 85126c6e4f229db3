"""Brand kits, as they are given and shown."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, post_dump, validate

from pipelines.brand_schema import CardSchema, LookSchema, TransitionSchema, WatermarkSchema
from pipelines.times import asset_id


class BrandKitFieldsSchema(LookSchema):
    """How films look: what an edit that names the kit takes from it."""

    name = fields.String(required=True, validate=validate.Length(min=1, max=100))
    logo = asset_id(load_default=None, allow_none=True)
    intro = fields.Nested(CardSchema, load_default=None, allow_none=True)
    outro = fields.Nested(CardSchema, load_default=None, allow_none=True)
    transition = fields.Nested(TransitionSchema, load_default=None, allow_none=True)
    watermark = fields.Nested(WatermarkSchema, load_default=None, allow_none=True)


class BrandKitSchema(BrandKitFieldsSchema):
    """A kit of the account."""

    id = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)
    updated_at = fields.AwareDateTime(required=True)

    @post_dump
    def _as_it_is_sent(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """A subtitle that is not there is left out, as in a request, where it has one character at least."""
        cards = {name: data.get(name) for name in ("intro", "outro")}
        return data | {
            name: {key: value for key, value in card.items() if value != ""}
            for name, card in cards.items()
            if card is not None
        }


class BrandKitListSchema(Schema):
    """A page of kits."""

    data = fields.List(fields.Nested(BrandKitSchema), required=True)
    next = fields.String(required=True, allow_none=True)
