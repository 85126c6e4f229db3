"""Jobs: created from a plan, read, listed, canceled. Dispatch is the caller's, after the commit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from fractions import Fraction

from sqlalchemy import bindparam, exists, select
from sqlalchemy.orm import Session, defer, joinedload

from core import admission, artifacts, clock, idempotency, listing, quotas, states
from core.db import put_off, reading, transaction
from core.errors import ConflictError, NotFoundError
from core.ids import new_id
from core.listing import ALL, Filter
from core.models import Artifact, Job, JobStage
from core.plan import JobPlan
from core.telemetry import metrics
from core.webhooks import outbox

_JOBS = Job.__table__
_LOCK = select(_JOBS.c.id).where(_JOBS.c.id == bindparam("job_id")).with_for_update()
_JOB = select(Job, clock.MOMENT).where(Job.id == bindparam("job_id"))
_WHOLE = _JOB.options(joinedload(Job.stages))
# What was asked for may be long, and comes with each row.
_STATE = _JOB.options(
    defer(Job.params),
    joinedload(Job.stages).options(defer(JobStage.params), defer(JobStage.inputs), defer(JobStage.notes)),
)


def create(account_id: str, plan: JobPlan) -> Job:
    """Store a job and its stages; a stage whose artifact exists is done, and a job of such stages has succeeded.

    A request that is repeated with its key gets the job that it made (see `core.idempotency`).
    It is admitted at once where its account has room and nobody waits; else it waits (see `core.admission`).
    Raises ForbiddenError `minutes_quota_exceeded`, LimitError `too_many_jobs`.
    """
    with transaction() as session:
        made = idempotency.earlier(session, Job)
        if made is not None:
            return made
        done = artifacts.find(session, [stage.digest for stage in plan.stages])
        made_before = {stage.name for stage in plan.stages if stage.digest in done}
        if plan.lane == admission.WORK and len(made_before) < len(plan.stages):
            quotas.require_job(session, account_id, 0 if quotas.MAKER in made_before else plan.media_ms)
        moment = clock.moment(session)
        job = Job(
            # Lists look for times in ids: both are of one clock.
            id=new_id("job", moment),
            account_id=account_id,
            pipeline=plan.pipeline,
            input_asset_id=plan.input_asset_id,
            params=dict(plan.params),
            client_metadata=dict(plan.client_metadata),
            external_id=plan.external_id,
            media_ms=0 if quotas.MAKER in made_before else plan.media_ms,
            filename=plan.filename,
            lane=plan.lane,
            priority=plan.priority,
            webhook_url=plan.webhook_url,
            status=states.QUEUED,
            created_at=moment,
            stages=[
                JobStage(
                    name=stage.name,
                    kind=stage.name,
                    position=position,
                    queue=stage.queue,
                    weight=stage.weight,
                    digest=stage.digest,
                    params=dict(stage.params),
                    inputs=dict(stage.inputs),
                    needs=list(stage.needs),
                    outputs=dict(stage.outputs),
                    status=states.QUEUED,
                )
                for position, stage in enumerate(plan.stages)
            ],
        )
        job.as_of = moment
        session.add(job)
        session.flush()
        idempotency.record(session, job)
        for stage in job.stages:
            if stage.digest in done:
                finish_from_artifact(stage, done[stage.digest], cached=True, moment=moment)
        settle(job, moment)
        admission.ask(session, job, moment)
    return job


def get(account_id: str, job_id: str) -> Job:
    """Return one job of the account; raises NotFoundError `job_not_found`."""
    with reading() as session:
        return owned(session, account_id, job_id)


def live_of_digest(account_id: str, digest: str) -> Job | None:
    """Return a job of the account that has not ended and makes the artifact of this digest."""
    query = (
        select(Job)
        .join(JobStage, JobStage.job_id == Job.id)
        .where(Job.account_id == account_id, JobStage.digest == digest, Job.status.not_in(states.TERMINAL))
        .order_by(Job.id)
        .limit(1)
    )
    with reading() as session:
        return session.scalars(query).one_or_none()


def failed_last(account_id: str, digests: Collection[str]) -> Job | None:
    """Return the job of the account that was the last to fail by making one of these digests, with its `as_of`.

    What another job has made meanwhile does not count.
    """
    query = (
        select(Job, clock.TIME)
        .join(JobStage, JobStage.job_id == Job.id)
        .where(Job.account_id == account_id, JobStage.digest.in_(digests), JobStage.status == states.FAILED)
        .where(~exists().where(Artifact.digest == JobStage.digest))
        .order_by(Job.finished_at.desc())
        .limit(1)
    )
    with reading() as session:
        row = session.execute(query).one_or_none()
    if row is None:
        return None
    job: Job = row[0]
    job.as_of = row[1]
    return job


def page(account_id: str, *, narrowed: Filter = ALL, before: str | None, limit: int) -> Sequence[Job]:
    """Return up to `limit` jobs, newest first, older than the id `before`."""
    return listing.page(Job, account_id, narrowed, before=before, limit=limit)


def newest_of(account_id: str, pipeline: str, asset_id: str) -> Job | None:
    """Return the account's newest job of a pipeline that starts from an asset and was not canceled."""
    query = (
        select(Job)
        .where(Job.account_id == account_id, Job.pipeline == pipeline, Job.input_asset_id == asset_id)
        .where(Job.status != states.CANCELED)
        .order_by(Job.id.desc())
        .limit(1)
    )
    with reading() as session:
        return session.scalars(query).one_or_none()


def cancel(account_id: str, job_id: str) -> Job:
    """End a job: its messages become stale, and a running stage sees it at its next heartbeat.

    Raises NotFoundError `job_not_found`, ConflictError `job_ended`.
    """
    with transaction() as session:
        job = owned(session, account_id, job_id, locked=True)
        if job.status in states.TERMINAL:
            raise ConflictError("job_ended", f"The job has already {_past(job.status)}; there is nothing to cancel.")
        end(job, states.CANCELED, job.as_of)
    return job


def owned(session: Session, account_id: str, job_id: str, *, locked: bool = False) -> Job:
    """Return one job of the account, with `locked` held as by `lock`; raises NotFoundError `job_not_found`."""
    job = lock(session, job_id) if locked else find(session, job_id)
    if job is None or job.account_id != account_id:
        raise NotFoundError("job_not_found", "There is no job of that id.")
    return job


def lock(session: Session, job_id: str, *, only_state: bool = False) -> Job | None:
    """Return the job, held against every other writer until the transaction ends: all stage changes pass here.

    Its `as_of` is the time of the database from which on it is held. For `only_state` see `find`.
    """
    # Two statements in one message: the second begins when the lock is had, while one that itself waits for the lock
    # sees the stages as they were before.
    put_off(session.connection(), _LOCK, {"job_id": job_id})
    return find(session, job_id, only_state=only_state)


def find(session: Session, job_id: str, *, only_state: bool = False) -> Job | None:
    """Return the job with its stages, and `as_of`; with `only_state` what its document shows, and not their parameters,
    inputs and notes, unless they are asked for while the session lasts.
    """
    # SQLite tells the time of each row anew.
    row = session.execute(_STATE if only_state else _WHOLE, {"job_id": job_id}).unique(lambda row: row[0]).one_or_none()
    if row is None:
        return None
    job: Job = row[0]
    job.as_of = row[1]
    return job


def stage_of(job: Job | None, name: str) -> JobStage | None:
    """Return the job's stage of that name; None when it has none, or there is no job."""
    return next((stage for stage in job.stages if stage.name == name), None) if job else None


def unsent(job: Job) -> bool:
    """Whether a stage is ready that no message of this epoch is on its way for."""
    return job.admitted_at is not None and any(
        stage.status == states.QUEUED and stage.queued_at is not None and (stage.sent_epoch or 0) < job.epoch
        for stage in job.stages
    )


def end(job: Job, status: str, moment: datetime, error: dict[str, object] | None = None) -> None:
    """Move a locked job to `failed` or `canceled`; the new epoch makes every message of the old one stale."""
    states.move(job, status)
    job.epoch += 1
    job.error = error
    job.finished_at = moment
    outbox.announce(job)
    for stage in job.stages:
        if stage.status not in states.TERMINAL:
            states.move(stage, states.CANCELED)
            stage.lease_owner = stage.lease_expires_at = None
            stage.finished_at = moment


def finish_from_artifact(stage: JobStage, artifact: Artifact, *, cached: bool, moment: datetime) -> None:
    """Mark a stage as done by an artifact that exists."""
    states.move(stage, states.SUCCEEDED)
    if cached:
        metrics.STAGE_CACHED.labels(stage.kind).inc()
    stage.cached = cached
    stage.progress = 1.0
    stage.result = artifact.result
    stage.warnings = artifact.warnings
    stage.lease_owner = stage.lease_expires_at = None
    stage.finished_at = moment


def settle(job: Job, moment: datetime) -> None:
    """After a stage changed: raise the progress, queue the stages that are ready now, end a job that is done."""
    total = sum(stage.weight for stage in job.stages)
    made = sum(stage.weight * stage.progress for stage in job.stages)
    job.progress = max(job.progress, made / total)
    admission.start_clocks(job, moment)
    if all(stage.status == states.SUCCEEDED for stage in job.stages):
        states.move(job, states.SUCCEEDED)
        job.progress = 1.0
        job.finished_at = moment
        _note_length(job)
        outbox.announce(job)


def _note_length(job: Job) -> None:
    """Replace what was foretold of the length by what was made; what came from cache was made before."""
    for stage in job.stages:
        if stage.name == quotas.MAKER and stage.result and "duration" in stage.result:
            job.media_ms = 0 if stage.cached else round(Fraction(stage.result["duration"]) * 1000)


def _past(status: str) -> str:
    return {states.SUCCEEDED: "succeeded", states.FAILED: "failed", states.CANCELED: "been canceled"}[status]
