"""How much waits and runs, by the rows: what operators and autoscaling look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import func, or_, select

from core import clock, states
from core.db import reading
from core.models import Job, JobStage, Upload, WebhookDelivery

_LIVE = (states.QUEUED, states.RUNNING)
_SECOND = timedelta(seconds=1)


@dataclass
class Queue:
    """Stages of one queue: `ready` ones wait for a worker, the first of them since `oldest_s` seconds; `held` ones run
    under a lease; those with an `expired` lease have lost their worker."""

    ready: int = 0
    oldest_s: float = 0.0
    held: int = 0
    expired: int = 0


@dataclass
class Backlog:
    """Queues by name; jobs that wait for their account to have room, are sent, or run; the lines (account and lane) in
    which any waits; uploads that are open; webhooks that are due, the first of them since `webhooks_oldest_s`."""

    queues: dict[str, Queue] = field(default_factory=dict)
    waiting: int = 0
    queued: int = 0
    running: int = 0
    lines: int = 0
    uploads: int = 0
    webhooks: int = 0
    webhooks_oldest_s: float = 0.0


def read() -> Backlog:
    """Return the backlog of this moment; raises TransientError `database_unavailable`."""
    backlog = Backlog()
    with reading() as session:
        moment = clock.moment(session)
        ready = (
            select(JobStage.queue, func.count(), func.min(JobStage.queued_at))
            .join(Job)
            .where(JobStage.status == states.QUEUED, JobStage.queued_at <= moment, Job.status.in_(_LIVE))
            .group_by(JobStage.queue)
        )
        for name, count, oldest in session.execute(ready):
            queue = backlog.queues.setdefault(name, Queue())
            queue.ready = count
            queue.oldest_s = max(0.0, (moment - oldest) / _SECOND) if oldest else 0.0
        expired = or_(JobStage.lease_expires_at.is_(None), JobStage.lease_expires_at < moment)
        held = (
            select(JobStage.queue, expired, func.count())
            .where(JobStage.status == states.RUNNING)
            .group_by(JobStage.queue, expired)
        )
        for name, is_expired, count in session.execute(held):
            queue = backlog.queues.setdefault(name, Queue())
            if is_expired:
                queue.expired = count
            else:
                queue.held = count
        live = (
            select(Job.status, Job.admitted_at.is_(None), func.count())
            .where(Job.status.in_(_LIVE))
            .group_by(Job.status, Job.admitted_at.is_(None))
        )
        for status, waits, count in session.execute(live):
            if status == states.RUNNING:
                backlog.running += count
            elif waits:
                backlog.waiting = count
            else:
                backlog.queued = count
        lines = select(Job.account_id, Job.lane).where(Job.status == states.QUEUED, Job.admitted_at.is_(None))
        backlog.lines = session.scalar(select(func.count()).select_from(lines.distinct().subquery())) or 0
        opened = select(func.count()).select_from(Upload).where(Upload.status == "open")
        backlog.uploads = session.scalar(opened) or 0
        due = select(func.count(), func.min(WebhookDelivery.next_at)).where(
            WebhookDelivery.status == "pending", WebhookDelivery.next_at <= moment
        )
        backlog.webhooks, first = session.execute(due).one()
        backlog.webhooks_oldest_s = max(0.0, (moment - first) / _SECOND) if first else 0.0
    return backlog
