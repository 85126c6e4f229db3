"""Streams: what players send."""

from __future__ import annotations

from marshmallow import Schema, fields, validate


class StreamQuery(Schema):
    """What makes the address good."""

    expires = fields.Integer(required=True, metadata={"description": "Seconds since 1970."})
    s = fields.String(required=True, validate=validate.Length(max=64), metadata={"description": "The signature."})
