"""Deliveries: what receivers were told, how they answered, and once more."""

from __future__ import annotations

from functools import partial
from typing import Any

from app import pagination
from app.blueprint import Blueprint
from app.schemas.webhook import DeliveryListSchema, DeliveryQuery, DeliverySchema, DeliveryWithAttemptsSchema
from app.security import current_account_id
from core.models import WebhookDelivery
from core.webhooks import deliveries
from pipelines import submit

blp = Blueprint("deliveries", __name__, url_prefix="/v1/deliveries", description="What webhooks were told.")


@blp.route("", needs="webhooks:read")
@blp.arguments(DeliveryQuery, location="query")
@blp.response(200, DeliveryListSchema)
def list_deliveries(query: dict[str, Any]) -> dict[str, Any]:
    """List deliveries, newest first."""
    fetch = partial(deliveries.page, endpoint_id=query["webhook"], job_id=query["job"], status=query["status"])
    rows, following = pagination.take(fetch, current_account_id(), query, kind="deliveries")
    return {"data": [_document(row) for row in rows], "next": following}


@blp.route("/<delivery_id>", needs="webhooks:read")
@blp.response(200, DeliveryWithAttemptsSchema)
def get_delivery(delivery_id: str) -> dict[str, Any]:
    """Get a delivery with each of its attempts."""
    row, attempts = deliveries.get(current_account_id(), delivery_id)
    return _document(row) | {"attempts": attempts}


@blp.route("/<delivery_id>/redeliver", needs="webhooks:write", method="POST")
@blp.response(202, DeliverySchema)
@blp.problems(409, "webhook_disabled")
def redeliver_delivery(delivery_id: str) -> dict[str, Any]:
    """Deliver once more, whatever came of it

    The `webhook-id` stays, the body is the job as it stands then. The attempts begin anew, with all of their pauses.
    """
    return _document(submit.redeliver(current_account_id(), delivery_id))


def _document(row: WebhookDelivery) -> dict[str, Any]:
    return {
        "id": row.id,
        "webhook": None if row.url else row.endpoint_id,
        "event": row.event,
        "job": row.job_id,
        "status": row.status,
        "error": row.error,
        "attempt_count": row.attempts,
        "next_attempt_at": row.next_at,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
    }
