"""The outbox: an event is written in the transaction that it tells of, and sent after it.

So none is told that did not happen, and none is lost, whatever becomes of broker and workers.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, object_session

from core import clock
from core.models import Job, WebhookDelivery, WebhookEndpoint
from core.settings import get_settings
from core.webhooks.endpoints import DISABLED_EVENT, ENABLED, ENDS, for_jobs

_TOLD_LANE = "work"
# Held until the end: one that is deleted meanwhile would take the transaction with it.
_ENABLED = (
    select(WebhookEndpoint)
    .where(
        WebhookEndpoint.account_id == bindparam("account_id"),
        WebhookEndpoint.status == ENABLED,
        WebhookEndpoint.url.is_not(None),
    )
    .with_for_update(read=True, key_share=True)
    .execution_options(autoflush=False)
)


def announce(job: Job) -> None:
    """Write the event `job.<status>` of a job of an open transaction for all who are to be told."""
    session = object_session(job)
    # Inspections of uploads are jobs that nobody asked for.
    if session is None or job.lane != _TOLD_LANE:
        return
    event = f"job.{job.status}"
    for endpoint in _subscribed(session, job.account_id, event):
        _add(session, endpoint.id, job.account_id, event, job_id=job.id)
    if job.webhook_url and event in ENDS:
        _add(session, for_jobs(job.account_id), job.account_id, event, job_id=job.id, url=job.webhook_url)


def announce_disabled(session: Session, endpoint: WebhookEndpoint, document: dict[str, Any]) -> None:
    """Write the event that an endpoint was disabled for the account's others."""
    for other in _subscribed(session, endpoint.account_id, DISABLED_EVENT):
        if other.id != endpoint.id:
            _add(session, other.id, endpoint.account_id, DISABLED_EVENT, payload=document)


def window_end(moment: datetime) -> datetime:
    """Until when a delivery that begins now is attempted."""
    return moment + timedelta(seconds=get_settings().webhook_window_s)


def _subscribed(session: Session, account_id: str, event: str) -> list[WebhookEndpoint]:
    found = session.scalars(_ENABLED, {"account_id": account_id})
    return [endpoint for endpoint in found if event in endpoint.events]


def _add(session: Session, endpoint_id: str, account_id: str, event: str, **more: Any) -> None:
    moment = clock.moment(session)
    to = {"endpoint_id": endpoint_id, "account_id": account_id, "event": event}
    session.add(WebhookDelivery(next_at=moment, deadline=window_end(moment), **to, **more))
