"""What every pipeline's request may say about its job, beside the work itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, validate

from core.admission import PRIORITIES
from core.webhooks import endpoints
from pipelines.notes import external_id, metadata

_ABOUT_THE_JOB = frozenset({"external_id", "metadata", "priority", "webhook_url"})


def of_the_job(account_id: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a `JobPlan` that every pipeline takes from its request alike.

    Raises InputError `url_refused`, `webhook_secret_missing`.
    """
    url = request.get("webhook_url")
    return {
        "params": {key: value for key, value in request.items() if key not in _ABOUT_THE_JOB},
        "client_metadata": request["metadata"],
        "external_id": request["external_id"],
        "priority": PRIORITIES[request["priority"]],
        "webhook_url": None if url is None else endpoints.require_for_jobs(account_id, url),
    }


class RequestSchema(Schema):
    """A job's name for downloads, its place in the account's own line, and the client's notes."""

    filename = fields.String(validate=validate.Length(min=1, max=200))
    priority = fields.String(
        load_default="normal",
        validate=validate.OneOf(list(PRIORITIES)),
        metadata={"description": "Which of your own waiting jobs goes first; it overtakes nobody else's."},
    )
    webhook_url = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(min=1, max=2048),
        metadata={
            "description": "Is told when the job ends, besides your webhooks; signed with the secret of "
            "`POST /v1/webhooks/job_urls/rotate`.",
            "example": "https://example.com/cutwork",
        },
    )
    external_id = external_id()
    metadata = metadata()
