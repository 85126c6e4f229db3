"""What an account has used, and what it may."""

from __future__ import annotations

from marshmallow import Schema, fields

_NONE = "null for no bound."


class BytesSchema(Schema):
    """Files stored, in bytes."""

    used = fields.Integer(required=True, metadata={"description": "Of assets, and of uploads under way."})
    limit = fields.Integer(required=True, allow_none=True, metadata={"description": _NONE})


class MinutesSchema(Schema):
    """Minutes of video and sound made in a calendar month (UTC)."""

    used = fields.String(
        required=True,
        metadata={
            "description": "A decimal string: of jobs that succeeded or are under way; what came from cache is free.",
            "example": "42.50",
        },
    )
    limit = fields.Integer(required=True, allow_none=True, metadata={"description": _NONE})
    since = fields.DateTime(required=True)
    until = fields.DateTime(required=True, metadata={"description": "From here on it is counted anew."})


class JobsSchema(Schema):
    """Jobs that have not ended."""

    used = fields.Integer(required=True)
    limit = fields.Integer(required=True, allow_none=True, metadata={"description": _NONE})
    running = fields.Integer(
        required=True, metadata={"description": "How many of them may be at work at once; the rest wait in line."}
    )


class UsageSchema(Schema):
    """What the account uses now."""

    stored_bytes = fields.Nested(BytesSchema, required=True)
    minutes = fields.Nested(MinutesSchema, required=True)
    jobs = fields.Nested(JobsSchema, required=True)
