"""Webhooks and deliveries, as they come and go."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from app.pagination import PageQuery
from core.webhooks import deliveries, endpoints
from pipelines.times import WholeRegexp

_URL = validate.Length(min=1, max=2048)
_STATUSES = [endpoints.ENABLED, endpoints.DISABLED]
_DELIVERY_STATUSES = [deliveries.PENDING, deliveries.SUCCEEDED, deliveries.FAILED]


def _events(**options: object) -> fields.List[str]:
    one = fields.String(validate=validate.OneOf(endpoints.EVENTS))
    return fields.List(
        one,
        validate=validate.Length(min=1, max=len(endpoints.EVENTS)),
        metadata={"description": "What it is told of; the ends of jobs when left out."},
        **options,  # type: ignore[arg-type]
    )


class NewWebhook(Schema):
    """A receiver to be."""

    url = fields.String(required=True, validate=_URL, metadata={"example": "https://example.com/cutwork"})
    description = fields.String(load_default="", validate=validate.Length(max=200))
    events = _events(load_default=lambda: list(endpoints.ENDS))


class WebhookChanges(Schema):
    """What to change; the rest stays."""

    url = fields.String(validate=_URL)
    description = fields.String(validate=validate.Length(max=200))
    events = _events()
    status = fields.String(
        validate=validate.OneOf(_STATUSES), metadata={"description": "`enabled` also after it was disabled by itself."}
    )


class WebhookSchema(Schema):
    """A receiver of events."""

    id = fields.String(required=True, metadata={"example": "whk_01k9x3v5m8q2r7t4w6y0b1c3d5"})
    url = fields.String(required=True)
    description = fields.String(required=True)
    events = fields.List(fields.String(), required=True)
    status = fields.String(required=True, validate=validate.OneOf(_STATUSES))
    disabled_reason = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf([endpoints.ASKED, endpoints.FAILING, endpoints.GONE]),
        metadata={"description": "`failing`: nothing arrived for days. `gone`: it answered 410. `asked`: you did."},
    )
    disabled_at = fields.DateTime(required=True, allow_none=True)
    failing_since = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "The first failure since something last arrived."}
    )
    old_secret_until = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "Until then a secret of before signs as well."}
    )
    created_at = fields.DateTime(required=True)


class WebhookWithSecretSchema(WebhookSchema):
    """A receiver with its secret, which is shown this once."""

    secret = fields.String(required=True, metadata={"example": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="})


class SecretSchema(Schema):
    """A secret, which is shown this once."""

    secret = fields.String(required=True)


class WebhookListSchema(Schema):
    """One page of webhooks, newest first."""

    data = fields.List(fields.Nested(WebhookSchema), required=True)
    next = fields.String(required=True, allow_none=True)


class DeliverySchema(Schema):
    """One event for one receiver."""

    id = fields.String(required=True, metadata={"description": "The `webhook-id`, the same at every attempt."})
    webhook = fields.String(
        required=True, allow_none=True, metadata={"description": "null for the address that a job named."}
    )
    event = fields.String(required=True, validate=validate.OneOf(endpoints.EVENTS))
    job = fields.String(required=True, allow_none=True)
    status = fields.String(required=True, validate=validate.OneOf(_DELIVERY_STATUSES))
    error = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf([deliveries.EXHAUSTED, deliveries.WEBHOOK_DISABLED, deliveries.SECRET_UNREADABLE]),
        metadata={"description": "Why it failed for good."},
    )
    attempt_count = fields.Integer(required=True)
    next_attempt_at = fields.DateTime(required=True, allow_none=True)
    created_at = fields.DateTime(required=True)
    finished_at = fields.DateTime(required=True, allow_none=True)


class AttemptSchema(Schema):
    """One request."""

    number = fields.Integer(required=True)
    started_at = fields.DateTime(required=True)
    status = fields.Integer(required=True, allow_none=True, metadata={"description": "What was answered."})
    latency_ms = fields.Integer(
        required=True, allow_none=True, metadata={"description": "null while it is under way, or if its worker died."}
    )
    error = fields.String(required=True, allow_none=True, metadata={"description": "Why nothing was answered."})
    body = fields.String(required=True, allow_none=True, metadata={"description": "The first bytes of the answer."})


class DeliveryWithAttemptsSchema(DeliverySchema):
    """A delivery with each of its attempts."""

    attempts = fields.List(fields.Nested(AttemptSchema), required=True)


class DeliveryListSchema(Schema):
    """One page of deliveries, newest first."""

    data = fields.List(fields.Nested(DeliverySchema), required=True)
    next = fields.String(required=True, allow_none=True)


def _id(prefix: str) -> fields.String:
    pattern = WholeRegexp(rf"^{prefix}_[0-9a-z]{{26}}$", error=f"Not an id ({prefix}_…).")
    return fields.String(load_default=None, validate=pattern)


class DeliveryQuery(PageQuery):
    """Which deliveries to list."""

    webhook = _id("whk")
    job = _id("job")
    status = fields.String(load_default=None, validate=validate.OneOf(_DELIVERY_STATUSES))
