"""The one shape of every error (RFC 9457)."""

from __future__ import annotations

from marshmallow import Schema, fields


class ProblemSchema(Schema):
    """An error, as `application/problem+json`."""

    type = fields.String(required=True, metadata={"example": "about:blank"})
    title = fields.String(required=True, metadata={"description": "What the status means."})
    status = fields.Integer(required=True, metadata={"description": "The HTTP status."})
    code = fields.String(required=True, metadata={"description": "Stable, for programs.", "example": "range_past_end"})
    detail = fields.String(required=True, metadata={"description": "For people: what is wrong and what to do."})
    retryable = fields.Boolean(required=True, metadata={"description": "Whether the same request may work later."})
    stage = fields.String(metadata={"description": "The stage of a job that failed."})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={
            "description": "What is wrong with each field of the request.",
            "example": {"keep.0.end": ["The end must come after the start."]},
        },
    )
    request_id = fields.String(required=True, metadata={"description": "Name it when you ask for help."})
