"""Webhooks: who is told of events, and with which secrets."""

from __future__ import annotations

from typing import Any

from app import pagination
from app.blueprint import Blueprint
from app.pagination import PageQuery
from app.schemas.webhook import (
    NewWebhook,
    SecretSchema,
    WebhookChanges,
    WebhookListSchema,
    WebhookSchema,
    WebhookWithSecretSchema,
)
from app.security import current_account_id
from core.models import WebhookEndpoint
from core.webhooks import endpoints

blp = Blueprint("webhooks", __name__, url_prefix="/v1/webhooks", description="Who is told of what happens.")


@blp.route("", needs="webhooks:write", method="POST")
@blp.idempotent
@blp.arguments(NewWebhook, example={"url": "https://example.com/cutwork"})
@blp.response(201, WebhookWithSecretSchema, headers={"Location": {"schema": {"type": "string"}}})
@blp.problems(409, "too_many_webhooks")
@blp.problems(422, "url_refused")
def create_webhook(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Add a webhook

    Its secret is shown in this answer alone; check with it the signature of whatever arrives
    (https://www.standardwebhooks.com).
    """
    endpoint, secret = endpoints.create(current_account_id(), **body)
    return _with_secret(endpoint, secret), {"Location": f"/v1/webhooks/{endpoint.id}"}


@blp.route("", needs="webhooks:read")
@blp.arguments(PageQuery, location="query")
@blp.response(200, WebhookListSchema)
def list_webhooks(query: dict[str, Any]) -> dict[str, Any]:
    """List webhooks, newest first."""
    rows, following = pagination.take(endpoints.page, current_account_id(), query, kind="webhooks")
    return {"data": rows, "next": following}


@blp.route("/<webhook_id>", needs="webhooks:read")
@blp.response(200, WebhookSchema)
def get_webhook(webhook_id: str) -> WebhookEndpoint:
    """Get a webhook."""
    return endpoints.get(current_account_id(), webhook_id)


@blp.route("/<webhook_id>", needs="webhooks:write", method="PATCH")
@blp.arguments(WebhookChanges, example={"status": "disabled"})
@blp.response(200, WebhookSchema)
@blp.problems(422, "url_refused")
def update_webhook(body: dict[str, Any], webhook_id: str) -> WebhookEndpoint:
    """Change a webhook, disable it or enable it

    What the body leaves out stays. Enabling it forgets past failures; deliveries that were given up are not sent anew
    by that: redeliver them.
    """
    return endpoints.update(current_account_id(), webhook_id, body)


@blp.route("/<webhook_id>", needs="webhooks:write", method="DELETE")
@blp.response(204)
def delete_webhook(webhook_id: str) -> None:
    """Delete a webhook with its deliveries

    Nothing is sent to it any more, and what was sent is not listed from then on.
    """
    endpoints.delete(current_account_id(), webhook_id)


@blp.route("/<webhook_id>/rotate", needs="webhooks:write", method="POST")
@blp.idempotent
@blp.response(200, WebhookWithSecretSchema)
def rotate_webhook_secret(webhook_id: str) -> dict[str, Any]:
    """Give a webhook a new secret

    Those before sign as well, each for a while, so that receivers change over without a gap. The new one is shown in
    this answer alone.
    """
    return _with_secret(*endpoints.rotate(current_account_id(), webhook_id))


@blp.route("/job_urls/rotate", needs="webhooks:write", method="POST")
@blp.idempotent
@blp.response(200, SecretSchema)
def rotate_job_url_secret() -> dict[str, str]:
    """Make a new secret for the `webhook_url` of jobs

    There has to be one before a job may name such an address. Those before sign as well, each for a while.
    """
    return {"secret": endpoints.rotate_for_jobs(current_account_id())}


def _with_secret(endpoint: WebhookEndpoint, secret: str) -> dict[str, Any]:
    return {name: getattr(endpoint, name) for name in WebhookSchema().fields} | {"secret": secret}
