"""Webhook: tell one receiver of one event."""

from __future__ import annotations

import json
import time
from email.utils import parsedate_to_datetime
from typing import Any

import structlog

from core import job_document
from core.db import reading
from core.errors import CutworkError, TransientError
from core.models import Job, now
from core.outgoing import Answer, client_from
from core.settings import get_settings
from core.storage import storage_from
from core.telemetry import metrics
from core.webhooks import deliveries, signing
from core.webhooks.deliveries import Outcome, Ready
from tasks.app import celery_app
from tasks.outbox import WEBHOOK, send_due

_log = structlog.get_logger(__name__)
_HEAD_BYTES = 1000
_HEADERS = {"Content-Type": "application/json", "User-Agent": "Cutwork-Webhooks"}


@celery_app.task(name=WEBHOOK, ignore_result=True)
def webhook(delivery_id: str) -> None:
    """Deliver an event once; what does not arrive is tried again later."""
    try:
        ready = deliveries.claim(delivery_id)
        if ready is None:
            return
        outcome = attempt(ready)
        deliveries.finish(ready, outcome)
        metrics.WEBHOOK_ATTEMPTS.labels(_label(outcome)).inc()
    except TransientError as error:
        # The lease runs out, and beat sends it again.
        _log.warning("delivery not settled", delivery_id=delivery_id, reason=error.message)
        return
    _log.info("delivered" if outcome.good else "not delivered", delivery_id=delivery_id, status=outcome.status)
    send_due(account_id=ready.account_id)


def _label(outcome: Outcome) -> str:
    if outcome.good:
        return "delivered"
    return "unreachable" if outcome.status is None else "refused"


def attempt(ready: Ready) -> Outcome:
    """Make the request; raises TransientError when what it should say cannot be read, not when it fails."""
    settings = get_settings()
    body = json.dumps(_body(ready), separators=(",", ":")).encode()
    headers = _HEADERS | {"webhook-event": ready.event} | signing.headers(ready.id, now(), body, ready.secrets)
    began = time.monotonic()
    try:
        with client_from(settings).open(
            "POST", ready.url, headers=headers, body=body, seconds=settings.webhook_timeout_s
        ) as answer:
            head = _head(answer)
            return Outcome(_since(began), answer.status, head, retry_after_s=_retry_after(answer))
    except CutworkError as error:
        return Outcome(_since(began), error=error.message[:500])


def _body(ready: Ready) -> dict[str, Any]:
    """The document as it stands now, with addresses that work: what comes late never shows an old state."""
    if ready.job_id is None:
        return ready.payload or {}
    with reading() as session:
        job = session.get_one(Job, ready.job_id)
    return job_document.document(job, storage_from(get_settings()))


def _head(answer: Answer) -> str:
    try:
        found = answer.head(_HEAD_BYTES)
    except TransientError:
        # The status has come, and it is what counts.
        found = b""
    return found.decode(errors="replace").replace("\x00", "")


def _retry_after(answer: Answer) -> float:
    value = answer.headers.get("retry-after", "")
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, (parsedate_to_datetime(value) - now()).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
