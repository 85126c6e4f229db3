"""Health, for load balancers and people."""

from __future__ import annotations

from marshmallow import Schema, fields


class CheckSchema(Schema):
    """One thing the API needs."""

    ok = fields.Boolean(required=True)
    detail = fields.String(metadata={"description": "What is wrong."})


class HealthSchema(Schema):
    """The process answers."""

    status = fields.String(required=True, metadata={"example": "ok"})


class ReadinessSchema(Schema):
    """Whether requests can be served, and if not, why."""

    status = fields.String(required=True, metadata={"description": "`ok` or `unavailable`."})
    checks = fields.Dict(keys=fields.String(), values=fields.Nested(CheckSchema), required=True)
