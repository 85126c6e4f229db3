"""Leases: who may run a stage, until when, and whose result counts.

A worker claims a stage, renews the claim while it works, and commits under it. Every step locks the job's row, checks
the epoch that the message carried, and does nothing when the lease has gone to another: a message that is delivered
twice, or a worker that wakes after its lease ran out, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

from sqlalchemy import bindparam, exists, select
from sqlalchemy.orm import Session, contains_eager

from core import artifacts, clock, jobs, states
from core.db import reading, transaction
from core.models import Artifact, Job, JobStage
from core.telemetry import metrics
from core.webhooks import outbox

# One stage and its job: of the others nothing is wanted, and they are not read unless asked for.
_CLAIM = (
    select(JobStage, clock.TIME.label("moment"), exists().where(Artifact.digest == JobStage.digest).label("made"))
    .join(JobStage.job)
    .where(JobStage.job_id == bindparam("job_id"), JobStage.name == bindparam("stage"))
    .options(contains_eager(JobStage.job).lazyload(Job.stages))
)


@dataclass(frozen=True)
class Lease:
    """The right to run one stage of one job."""

    job_id: str
    stage: str
    epoch: int
    owner: str


class Refused(Enum):
    """Why a stage was not claimed."""

    STALE = "the message's epoch has passed, or the job has ended"
    BUSY = "another worker holds the stage"
    EARLY = "a stage before it is not done"
    DONE = "the stage is done"
    EXHAUSTED = "the stage has been attempted as often as it may"


def claim(lease: Lease, *, seconds: int, attempts: int) -> JobStage | Refused:
    """Take the stage for `seconds` and start an attempt, or say why not.

    A stage whose artifact appeared meanwhile is finished from it; one that lost its worker `attempts` times is failed
    as `worker_lost`. Of the stages of its `job` only this one has been read.
    """
    with transaction() as session:
        if not jobs.hold(session, lease.job_id):
            return Refused.STALE
        row = session.execute(_CLAIM, {"job_id": lease.job_id, "stage": lease.stage}).one_or_none()
        if row is None:
            return Refused.STALE
        stage: JobStage = row.JobStage
        job = stage.job
        moment = job.as_of = row.moment
        refusal = _refusal(job, stage, lease)
        if refusal:
            return refusal
        if job.status == states.QUEUED:
            states.move(job, states.RUNNING)
            job.started_at = moment
            outbox.announce(job)
        found = artifacts.find(session, [stage.digest]).get(stage.digest) if row.made else None
        if found:
            jobs.finish_from_artifact(stage, found, cached=True, moment=moment)
            jobs.settle(job, moment)
            return Refused.DONE
        if losses(stage) >= attempts:
            lose(job, stage)
            return Refused.EXHAUSTED
        if stage.status == states.QUEUED:
            states.move(stage, states.RUNNING)
        stage.attempt += 1
        stage.progress = 0.0
        stage.started_at = moment
        stage.lease_owner = lease.owner
        stage.lease_expires_at = moment + timedelta(seconds=seconds)
        return stage


def _refusal(job: Job, stage: JobStage, lease: Lease) -> Refused | None:
    if job.epoch != lease.epoch:
        return Refused.STALE
    if stage.status == states.SUCCEEDED:
        return Refused.DONE
    if job.status in states.TERMINAL:
        return Refused.STALE
    if stage.status == states.RUNNING and stage.lease_expires_at and stage.lease_expires_at > job.as_of:
        return Refused.BUSY
    # Its clock starts when all that goes before is done.
    return Refused.EARLY if stage.queued_at is None else None


def renew(lease: Lease, *, seconds: int, progress: float) -> bool:
    """Keep the stage for `seconds` more and save its progress; False when it is no longer ours."""
    with transaction() as session:
        job = jobs.lock(session, lease.job_id)
        stage = held(job, lease)
        if job is None or stage is None:
            return False
        stage.lease_expires_at = job.as_of + timedelta(seconds=seconds)
        stage.progress = max(stage.progress, min(progress, 1.0))
        jobs.settle(job, job.as_of)
        return True


@dataclass(frozen=True)
class Commit:
    """A stage that was committed: the artifact that counts, and its job as it stands now."""

    artifact: Artifact
    job: Job


Then = Callable[[Session, Job, JobStage], None]
"""What else is to be changed by the commit of a stage, of the job that is locked."""


def commit(lease: Lease, artifact: Artifact, then: Then | None = None) -> Commit | None:
    """Store what the stage made and mark it done, in one transaction; None when the lease is no longer ours.

    The artifact that counts may be another one: another job of the account may have made the same first.
    """
    with transaction() as session:
        job = jobs.lock(session, lease.job_id)
        stage = held(job, lease)
        if job is None or stage is None:
            # An earlier call may have committed these very files, and lost its connection before the answer.
            made = artifacts.find(session, [artifact.digest]).get(artifact.digest)
            return Commit(made, job) if job and made and made.files == artifact.files else None
        made = artifacts.keep(session, artifact)
        jobs.finish_from_artifact(stage, made, cached=False, moment=job.as_of)
        if then is not None:
            then(session, job, stage)
        jobs.settle(job, job.as_of)
        return Commit(made, job)


def remember(lease: Lease, notes: Mapping[str, Any]) -> bool:
    """Keep notes of a stage for its next attempt; False when it is no longer ours."""
    with transaction() as session:
        stage = held(jobs.lock(session, lease.job_id), lease)
        if stage is None:
            return False
        stage.notes = dict(notes)
        return True


def fail(lease: Lease, *, code: str, message: str, retryable: bool) -> bool:
    """Fail the stage and with it the job; False when the lease is no longer ours."""
    with transaction() as session:
        job = jobs.lock(session, lease.job_id)
        stage = held(job, lease)
        if job is None or stage is None:
            return False
        fail_stage(job, stage, code=code, message=message, retryable=retryable)
        return True


def fail_stage(job: Job, stage: JobStage, *, code: str, message: str, retryable: bool) -> None:
    """Fail a stage of a locked job, whoever held it."""
    metrics.STAGE_FAILURES.labels(stage.kind, metrics.code_label(code)).inc()
    states.move(stage, states.FAILED)
    stage.lease_owner = stage.lease_expires_at = None
    stage.finished_at = job.as_of
    error = {"code": code, "message": message, "stage": stage.part_of or stage.name, "retryable": retryable}
    jobs.end(job, states.FAILED, job.as_of, error)


def losses(stage: JobStage) -> int:
    """How many runs of a stage that does not run ended without a word: its worker was lost."""
    return stage.attempt - stage.setbacks


def lose(job: Job, stage: JobStage) -> None:
    """Fail a stage of a locked job that lost its worker too often."""
    message = f"The worker was lost {losses(stage)} times while it ran this stage; the file may be at fault."
    fail_stage(job, stage, code="worker_lost", message=message, retryable=True)


def release(lease: Lease, *, delay_s: float = 0.0) -> bool:
    """Hand the stage back after trouble that passes, to be taken again after `delay_s` seconds; False when the lease is
    no longer ours.
    """
    with transaction() as session:
        job = jobs.lock(session, lease.job_id)
        stage = held(job, lease)
        if job is None or stage is None:
            return False
        hand_back(job, stage, delay_s=delay_s)
        stage.setbacks += 1
        return True


def hand_back(job: Job, stage: JobStage, *, delay_s: float = 0.0) -> None:
    """Queue a running stage of a locked job again."""
    states.move(stage, states.QUEUED)
    stage.lease_owner = stage.lease_expires_at = None
    stage.queued_at = job.as_of + timedelta(seconds=delay_s)


def expired(limit: int = 100) -> list[tuple[str, str]]:
    """Return `(job id, stage)` of running stages whose lease has run out."""
    query = (
        select(JobStage.job_id, JobStage.name)
        .where(JobStage.status == states.RUNNING, JobStage.lease_expires_at < clock.TIME)
        .order_by(JobStage.lease_expires_at)
        .limit(limit)
    )
    with reading() as session:
        return [(job_id, name) for job_id, name in session.execute(query)]


def held_by(prefix: str) -> list[tuple[Lease, str]]:
    """Return the leases of running stages whose owner begins with `prefix`, each with the kind of its stage."""
    query = (
        select(JobStage, Job.epoch)
        .join(Job)
        .where(JobStage.status == states.RUNNING, JobStage.lease_owner.startswith(prefix, autoescape=True))
    )
    with reading() as session:
        return [
            (Lease(stage.job_id, stage.name, epoch, str(stage.lease_owner)), stage.kind)
            for stage, epoch in session.execute(query)
        ]


def held(job: Job | None, lease: Lease) -> JobStage | None:
    """Return the stage of a locked job while the lease holds it.

    The owner is unique to one attempt, and whoever ends or takes back a stage clears it: a repair of the stage beside
    this one may bump the epoch without costing this one its work.
    """
    stage = _stage(job, lease)
    return stage if stage and stage.lease_owner == lease.owner else None


def _stage(job: Job | None, lease: Lease) -> JobStage | None:
    return next((stage for stage in job.stages if stage.name == lease.stage), None) if job else None
