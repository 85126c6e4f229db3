"""Deliveries: which are due, who is at work on one, what came of it, and when it is tried again.

Like a stage, a delivery is claimed under its row's lock and held by a lease, so that a message that comes twice does
nothing; a worker that dies lets the lease run out, and the delivery is made once more: at least once, under one id.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import Session

from core import audit, clock
from core.db import reading, transaction
from core.errors import ConflictError, EngineError, NotFoundError
from core.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from core.settings import get_settings
from core.telemetry import metrics
from core.webhooks import endpoints, outbox

PENDING, SUCCEEDED, FAILED = "pending", "succeeded", "failed"
EXHAUSTED, WEBHOOK_DISABLED, SECRET_UNREADABLE = "exhausted", "webhook_disabled", "secret_unreadable"
_GONE = 410
_BATCH = 200
_LEASE_SLACK_S = 30
_FIRST_S, _FACTOR, _LONGEST_S = 5.0, 4.0, 6 * 3600.0
_UNREADABLE = "The webhook's secret was sealed by another SECRET_KEY and signs nothing: rotate it."
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Ready:
    """A delivery that was claimed: where it goes, what it says, and the secrets that sign it."""

    id: str
    endpoint_id: str
    number: int
    account_id: str
    event: str
    url: str
    job_id: str | None
    payload: dict[str, Any] | None
    secrets: list[str]


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt: a status with the head of the body, or the error that kept it from one."""

    latency_ms: int
    status: int | None = None
    body: str | None = None
    error: str | None = None
    retry_after_s: float = 0.0

    @property
    def good(self) -> bool:
        """Whether the receiver has taken it."""
        return self.status is not None and 200 <= self.status < 300


def get(account_id: str, delivery_id: str) -> tuple[WebhookDelivery, list[WebhookAttempt]]:
    """Return one delivery of the account with its attempts; raises NotFoundError `delivery_not_found`."""
    with reading() as session:
        found = _owned(session, account_id, delivery_id)
        query = select(WebhookAttempt).where(WebhookAttempt.delivery_id == delivery_id)
        return found, list(session.scalars(query.order_by(WebhookAttempt.number)))


def page(account_id: str, *, before: str | None, limit: int, **filters: str | None) -> list[WebhookDelivery]:
    """Return up to `limit` deliveries, newest first, older than the id `before`.

    `filters` are values of `endpoint_id`, `job_id` and `status`; None means any.
    """
    query = select(WebhookDelivery).where(WebhookDelivery.account_id == account_id)
    query = query.order_by(WebhookDelivery.id.desc()).limit(limit).filter_by(**{k: v for k, v in filters.items() if v})
    with reading() as session:
        return list(session.scalars(query.where(WebhookDelivery.id < before) if before else query))


def redeliver(account_id: str, delivery_id: str) -> WebhookDelivery:
    """Begin a delivery again under its id, whatever came of it.

    Raises NotFoundError `delivery_not_found`, ConflictError `webhook_disabled`.
    """
    with transaction() as session:
        row = _owned(session, account_id, delivery_id, lock=True)
        if session.get_one(WebhookEndpoint, row.endpoint_id).status != endpoints.ENABLED:
            raise ConflictError("webhook_disabled", "The webhook is disabled: enable it first.")
        moment = clock.moment(session)
        row.status, row.error, row.finished_at = PENDING, None, None
        row.round_from, row.next_at, row.deadline, row.sent_at = row.attempts, moment, outbox.window_end(moment), None
    return row


def due(*, job_id: str | None = None, account_id: str | None = None) -> list[str]:
    """Return ids of deliveries to send messages for: those that are due and have none on its way.

    Of each account there are only as many as may be at work at once: one that has thousands keeps no other waiting.
    """
    settings = get_settings()
    place = func.row_number().over(partition_by=WebhookDelivery.account_id, order_by=WebhookDelivery.next_at)
    query = select(WebhookDelivery.id, WebhookDelivery.next_at, place.label("place"))
    if job_id is not None:
        query = query.where(WebhookDelivery.job_id == job_id)
    if account_id is not None:
        query = query.where(WebhookDelivery.account_id == account_id)
    with reading() as session:
        found = _unsent(query, clock.moment(session)).subquery()
        first = select(found.c.id).where(found.c.place <= settings.webhook_concurrency).order_by(found.c.next_at)
        return list(session.scalars(first.limit(_BATCH)))


def mark_sent(ids: Iterable[str]) -> None:
    """Note that messages are on their way; one that somebody holds is left out, and may get another."""
    with transaction() as session:
        free = select(WebhookDelivery.id).where(WebhookDelivery.id.in_(list(ids))).with_for_update(skip_locked=True)
        statement = update(WebhookDelivery).where(WebhookDelivery.id.in_(free))
        session.execute(
            statement.values(sent_at=clock.moment(session)), execution_options={"synchronize_session": False}
        )


def claim(delivery_id: str) -> Ready | None:
    """Take a delivery that is due and begin an attempt; None when there is nothing to do, or no room to do it now.

    One that nothing can sign has failed an attempt by that.
    """
    settings = get_settings()
    with transaction() as session:
        row = _locked(session, delivery_id)
        moment = clock.moment(session)
        if row is None or not _is_due(row, moment):
            return None
        endpoint = session.get_one(WebhookEndpoint, row.endpoint_id)
        over = WEBHOOK_DISABLED if endpoint.status != endpoints.ENABLED else _lost_last(session, row)
        if over:
            _end(row, FAILED, moment, over)
            return None
        if _at_work(session, row.account_id, moment) >= settings.webhook_concurrency:
            # Whoever ends next, or beat, sends another message.
            row.sent_at = None
            return None
        row.attempts += 1
        attempt = WebhookAttempt(delivery_id=row.id, number=row.attempts, started_at=moment)
        session.add(attempt)
        try:
            secrets = endpoints.live_secrets(endpoint)
        except EngineError:
            _not_signed(row, attempt, moment)
            return None
        row.lease_until = moment + timedelta(seconds=settings.webhook_timeout_s + _LEASE_SLACK_S)
        url = row.url or endpoint.url
        assert url is not None
        return Ready(
            id=row.id,
            endpoint_id=endpoint.id,
            number=row.attempts,
            account_id=row.account_id,
            event=row.event,
            url=url,
            job_id=row.job_id,
            payload=row.payload,
            secrets=secrets,
        )


def finish(ready: Ready, outcome: Outcome) -> None:
    """Store what came of an attempt, and say when the next one is due, or that there is none."""
    with transaction() as session:
        # The endpoint before its deliveries, as whoever deletes it.
        endpoint = endpoints.hold(session, ready.endpoint_id)
        row = _locked(session, ready.id)
        attempt = session.get(WebhookAttempt, (ready.id, ready.number))
        if endpoint is None or row is None or attempt is None:
            # Deleted with its endpoint meanwhile.
            return
        attempt.status, attempt.latency_ms = outcome.status, outcome.latency_ms
        attempt.error, attempt.body = outcome.error, outcome.body
        # One that was frozen for longer than its lease has a successor, whose word counts; but what has arrived, has.
        if row.attempts == ready.number or outcome.good:
            row.lease_until = row.sent_at = None
            _settle(session, row, endpoint, outcome, clock.moment(session))


def next_after(tries: int) -> float:
    """Seconds after which what was tried so many times is tried again: 5, 20, 80 … up to six hours, ±20 %."""
    longest: float = min(_LONGEST_S, _FIRST_S * _FACTOR ** min(tries - 1, 10))
    return longest * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret  # nosec B311


def _settle(
    session: Session, row: WebhookDelivery, endpoint: WebhookEndpoint, outcome: Outcome, moment: datetime
) -> None:
    if outcome.good:
        _end(row, SUCCEEDED, moment)
        endpoint.failing_since = None
        return
    # What one job's address does tells nothing about another's.
    if row.url is None:
        _count_failure(session, endpoint, outcome, moment)
    if endpoint.status != endpoints.ENABLED:
        _end(row, FAILED, moment, WEBHOOK_DISABLED)
    elif row.url is not None and outcome.status == _GONE:
        _end(row, FAILED, moment, EXHAUSTED)
    else:
        _again(row, moment, EXHAUSTED, least_s=min(outcome.retry_after_s, _LONGEST_S))


def _not_signed(row: WebhookDelivery, attempt: WebhookAttempt, moment: datetime) -> None:
    """Its receiver is not to blame; the operator hears of it, and a rotation within the time mends it."""
    metrics.WEBHOOK_ATTEMPTS.labels("unsigned").inc()
    _log.error("delivery not signed", delivery_id=row.id, endpoint_id=row.endpoint_id, reason=_UNREADABLE)
    attempt.error, row.sent_at = _UNREADABLE, None
    _again(row, moment, SECRET_UNREADABLE)


def _is_due(row: WebhookDelivery, moment: datetime) -> bool:
    due = row.status == PENDING and row.next_at is not None and row.next_at <= moment
    return due and (row.lease_until is None or row.lease_until <= moment)


def _lost_last(session: Session, row: WebhookDelivery) -> str | None:
    """Say that it is exhausted when the worker of the attempt at its deadline was lost: the time is over."""
    last = session.get(WebhookAttempt, (row.id, row.attempts)) if row.attempts > row.round_from else None
    return EXHAUSTED if last is not None and last.started_at >= row.deadline else None


def _again(row: WebhookDelivery, moment: datetime, error: str, *, least_s: float = 0.0) -> None:
    """Say when the next attempt is due, the last one at the deadline; after that it has failed by `error`."""
    if moment >= row.deadline:
        _end(row, FAILED, moment, error)
        return
    wait = max(next_after(row.attempts - row.round_from), least_s)
    row.next_at = min(moment + timedelta(seconds=wait), row.deadline)


def _count_failure(session: Session, endpoint: WebhookEndpoint, outcome: Outcome, moment: datetime) -> None:
    endpoint.failing_since = endpoint.failing_since or moment
    patience = timedelta(days=get_settings().webhook_disable_after_days)
    reason = endpoints.GONE if outcome.status == _GONE else endpoints.FAILING
    if endpoint.status != endpoints.ENABLED or (
        reason == endpoints.FAILING and moment - endpoint.failing_since < patience
    ):
        return
    endpoints.disable(endpoint, reason)
    told = {"id": endpoint.id, "url": endpoint.url, "status": endpoint.status, "disabled_reason": reason}
    outbox.announce_disabled(session, endpoint, told | {"failing_since": endpoint.failing_since.isoformat()})
    audit.record(session, endpoint.account_id, "webhook.disabled", target=endpoint.id, reason=reason)


def _end(row: WebhookDelivery, status: str, moment: datetime, error: str | None = None) -> None:
    row.status, row.error, row.finished_at, row.next_at = status, error, moment, None


def _unsent(query: Select[Any], moment: datetime) -> Select[Any]:
    stale = moment - timedelta(seconds=get_settings().redeliver_after_s)
    return query.where(
        WebhookDelivery.status == PENDING,
        WebhookDelivery.next_at <= moment,
        or_(WebhookDelivery.lease_until.is_(None), WebhookDelivery.lease_until <= moment),
        or_(WebhookDelivery.sent_at.is_(None), WebhookDelivery.sent_at < stale),
    )


def _at_work(session: Session, account_id: str, moment: datetime) -> int:
    query = select(func.count()).where(
        WebhookDelivery.account_id == account_id,
        WebhookDelivery.status == PENDING,
        WebhookDelivery.lease_until > moment,
    )
    return session.scalar(query) or 0


def _locked(session: Session, delivery_id: str) -> WebhookDelivery | None:
    query = select(WebhookDelivery).where(WebhookDelivery.id == delivery_id)
    return session.scalars(query.with_for_update()).one_or_none()


def _owned(session: Session, account_id: str, delivery_id: str, *, lock: bool = False) -> WebhookDelivery:
    row = _locked(session, delivery_id) if lock else session.get(WebhookDelivery, delivery_id)
    if row is None or row.account_id != account_id:
        raise NotFoundError("delivery_not_found", "There is no delivery of that id.")
    return row
