"""Finds work that was lost on the way and sends it again: the database is the truth, the broker is a hint.

Three kinds are looked for: a stage whose lease ran out, a job that was admitted but never sent, and a stage that is
ready while its queue is empty or went on without it. Each repair locks the job's row and bumps the epoch, so that an
old message, should it still turn up, ends its own chain. Last, jobs are admitted that wait though their account has
room.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Select, bindparam, exists, func, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, aliased

from core import admission, clock, holders, job_document, jobs, setbacks, states
from core.db import reading, transaction
from core.errors import CutworkError, TransientError
from core.models import Job, JobStage, WebhookDelivery
from core.settings import get_settings
from core.telemetry import metrics
from pipelines import canvas, line
from tasks.outbox import send_due
from tasks.queues import depths
from tasks.stages import STAGES

_log = structlog.get_logger(__name__)
_BATCH = 100
_ABOUT = timedelta(seconds=10)
_LIVE = (states.QUEUED, states.RUNNING)
_ENDED = select(Job.account_id, Job.lane, exists().where(WebhookDelivery.job_id == Job.id).label("tells")).where(
    Job.id == bindparam("job_id"), Job.status.in_(states.TERMINAL)
)
for _kind in ("lease_expired", "never_sent", "message_lost", "overlooked"):
    # There from the beginning: a rate does not see the first of what was not there before.
    metrics.REPAIRS.labels(_kind)


def run() -> Counter[str]:
    """Look for lost work once, repair it, and return how often each repair was made."""
    done: Counter[str] = Counter()
    with metrics.RECONCILE_SECONDS.time():
        _look(done)
    for kind, count in done.items():
        metrics.REPAIRS.labels(kind).inc(count)
    metrics.RECONCILED.set_to_current_time()
    if any(done.values()):
        _log.info("work recovered", **{kind: count for kind, count in done.items() if count})
    return done


def _look(done: Counter[str]) -> None:
    for job_id, _ in holders.expired(_BATCH):
        done["lease_expired"] += _alone(_repair, job_id, _take_back)
    for job_id in _never_sent():
        done["never_sent"] += _alone(_repair, job_id, jobs.unsent)
    for job_id in _forgotten():
        done["message_lost"] += _alone(_repair, job_id, _still_waiting)
    for account_id, lane in admission.lines_with_room():
        done["overlooked"] += _alone(line.move_up, account_id, lane)


def _alone(repair: Callable[..., int], *which: Any) -> int:
    """Make one repair; a row that nobody foresaw must not keep the others from being repaired."""
    try:
        return repair(*which)
    except TransientError:
        raise
    except (CutworkError, LookupError, ValueError, TypeError, ArithmeticError, AttributeError, SQLAlchemyError):
        # A step that the states do not have, a kind or a queue that is not known here, needs in a circle or none, a row
        # that the database does not take.
        _log.exception("repair failed", which=which[0])
        return 0


def _repair(job_id: str, prepare: Callable[[Job], bool]) -> int:
    """Let `prepare` change the locked job; when it did, make old messages stale and send the rest again."""
    with transaction() as session:
        job = jobs.lock(session, job_id)
        if job is None or job.status in states.TERMINAL or not prepare(job):
            return 0
        if job.status not in states.TERMINAL:
            job.epoch += 1
            # Sent below; should that fail, the next beat sees it.
            job.dispatched_at = None
    canvas.dispatch(job)
    job_document.announce(job.id)
    return 1


def _take_back(job: Job) -> bool:
    lost = [
        stage
        for stage in job.stages
        if stage.status == states.RUNNING and stage.lease_expires_at and stage.lease_expires_at < job.as_of
    ]
    for stage in lost:
        # A kind that is not known here comes from a newer release, whose workers count its attempts.
        declared = STAGES.get(stage.kind)
        if declared and setbacks.losses(stage) >= declared.attempts:
            setbacks.lose(job, stage)
            break
        setbacks.hand_back(job, stage)
    return bool(lost)


def go_on(job_id: str) -> None:
    """Send what a job has left to send; when it has ended, what waited for it."""
    with reading() as session:
        job = session.execute(_ENDED, {"job_id": job_id}).one_or_none()
    if job:
        line.move_up(job.account_id, job.lane)
        if job.tells:
            send_due(job_id=job_id)
    else:
        _repair(job_id, jobs.unsent)


def send_again(job_id: str) -> bool:
    """Send what a job has waiting once more, whatever became of its messages; False when nothing waits."""
    return bool(_repair(job_id, _waits))


def _waits(job: Job) -> bool:
    return job.admitted_at is not None and any(
        stage.status == states.QUEUED and stage.queued_at is not None for stage in job.stages
    )


def _never_sent() -> list[str]:
    """Jobs with a stage that is ready and in no canvas of this epoch (see `jobs.unsent`)."""
    unsent = exists().where(
        JobStage.job_id == Job.id,
        JobStage.status == states.QUEUED,
        JobStage.queued_at.is_not(None),
        func.coalesce(JobStage.sent_epoch, 0) < Job.epoch,
    )
    # A job that was admitted just now is being sent by the process that admitted it.
    query = select(Job.id).where(Job.status.in_(_LIVE), Job.admitted_at.is_not(None), unsent)
    with reading() as session:
        settled = clock.moment(session) - timedelta(seconds=get_settings().lease_s)
        query = query.where(or_(Job.admitted_at < settled, Job.status == states.RUNNING))
        return list(session.scalars(query.order_by(Job.admitted_at).limit(_BATCH)))


def _forgotten() -> list[str]:
    """Jobs with a stage that has been ready for long, and whose message the broker lost.

    A message may stand in a long queue. It is lost when the queue is empty, or when a worker has begun what was sent
    after it: queues are first in, first out, and under constant load a queue is never empty.
    """
    with reading() as session:
        patience = clock.moment(session) - timedelta(seconds=get_settings().redeliver_after_s)
        waiting = (
            select(JobStage)
            .join(Job)
            .where(JobStage.status == states.QUEUED, JobStage.queued_at < patience)
            .where(Job.status.in_(_LIVE), Job.dispatched_at < patience)
        )
        queues = list(session.scalars(waiting.with_only_columns(JobStage.queue).distinct()))
        empty = _empty(queues)
        gone = waiting.where(JobStage.queue.in_(empty)).with_only_columns(JobStage.job_id, JobStage.queued_at)
        lost = [*session.execute(gone.order_by(JobStage.queued_at).limit(_BATCH)), *_overtaken(session, waiting)]
    return list(dict.fromkeys(job_id for job_id, _ in sorted(lost, key=lambda row: row[1])))[:_BATCH]


def _overtaken(session: Session, waiting: Select[JobStage]) -> list[Any]:
    """`(job id, queued at)` of what waits while a stage of its queue runs that became ready well after it was sent."""
    other = aliased(JobStage)
    latest = (
        select(func.max(other.queued_at))
        .where(
            other.status == states.RUNNING,
            other.queue == JobStage.queue,
            other.queued_at > Job.dispatched_at,
            # Not one whose worker was lost: that was begun before it was queued again.
            other.started_at >= other.queued_at,
        )
        .scalar_subquery()
    )
    query = waiting.with_only_columns(JobStage.job_id, JobStage.queued_at, latest).where(latest > JobStage.queued_at)
    rows = session.execute(query.order_by(JobStage.queued_at).limit(_BATCH))
    # What became ready at about the same time may have been sent first: that is no overtaking.
    return [(job_id, queued) for job_id, queued, begun in rows if queued and begun and begun - queued > _ABOUT]


def _empty(names: list[str]) -> list[str]:
    """The queues that hold no message; none while the broker does not answer."""
    try:
        return [name for name, depth in depths(names).items() if not depth] if names else []
    except TransientError:
        return []


def _still_waiting(job: Job) -> bool:
    patience = job.as_of - timedelta(seconds=get_settings().redeliver_after_s)
    return (
        job.dispatched_at is not None
        and job.dispatched_at < patience
        and any(
            stage.status == states.QUEUED and stage.queued_at and stage.queued_at < patience for stage in job.stages
        )
    )
