"""Leases: who may run a stage, until when, and whose result counts.

A worker claims a stage, renews the claim while it works, and commits under it. Every step locks the job's row, checks
the epoch that the message carried, and does nothing when the lease has gone to another: a message that is delivered
twice, or a worker that wakes after its lease ran out, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, exists, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from core import artifacts, clock, jobs, refusals, setbacks, states
from core.db import single, transaction, write
from core.models import Artifact, Job, JobStage
from core.refusals import Later, Refused

_LOOKS = 3
"""At the first the job may begin, and at the second what made the stage free may be seen."""
_JOBS = cast("Table", Job.__table__)
_STAGES = cast("Table", JobStage.__table__)


@dataclass(frozen=True)
class Lease:
    """The right to run one stage of one job."""

    job_id: str
    stage: str
    epoch: int
    owner: str


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A stage that was taken, as in `core.models.JobStage`; `attempt` counts this run. The last two are its job's."""

    job_id: str
    name: str
    kind: str
    digest: str
    params: Mapping[str, Any]
    inputs: Mapping[str, Mapping[str, str]]
    needs: list[str]
    notes: Mapping[str, Any] | None
    attempt: int
    setbacks: int
    queued_at: datetime
    started_at: datetime
    account_id: str
    request_id: str | None


def _taking(free: ColumnElement[bool]) -> ReturningUpdate[Any]:
    """The one statement that takes a stage: of this epoch, `free`, not yet made, and with an attempt left."""
    # It waits for who holds the job, and PostgreSQL looks again at a stage that was changed meanwhile (EvalPlanQual).
    job = (
        select(_JOBS.c.id)
        .where(_JOBS.c.id == bindparam("job"), _JOBS.c.epoch == bindparam("epoch"), _JOBS.c.status == states.RUNNING)
        .with_for_update()
        .scalar_subquery()
    )
    taken = {
        "status": states.RUNNING,
        "attempt": _STAGES.c.attempt + 1,
        "progress": 0.0,
        "started_at": clock.TIME,
        "lease_owner": bindparam("owner"),
        "lease_expires_at": clock.Later(bindparam("seconds")),
    }
    answer: list[ColumnElement[Any]] = [_STAGES.c[one.name] for one in fields(Claim) if one.name in _STAGES.c]
    answer += [
        select(column).where(_JOBS.c.id == bindparam("job")).scalar_subquery().label(column.name)
        for column in (_JOBS.c.account_id, _JOBS.c.request_id)
    ]
    return (
        update(_STAGES)
        .where(_STAGES.c.job_id == job, _STAGES.c.name == bindparam("stage"), free)
        .where(_STAGES.c.attempt - _STAGES.c.setbacks < bindparam("attempts"))
        .where(~exists().where(Artifact.digest == _STAGES.c.digest))
        .values(taken)
        .returning(*answer)
    )


_DUE = and_(_STAGES.c.status == states.QUEUED, _STAGES.c.queued_at <= clock.Later(bindparam("ahead", refusals.SOON_S)))
_EXPIRED = and_(_STAGES.c.status == states.RUNNING, _STAGES.c.lease_expires_at <= clock.TIME)
_TAKE = _taking(or_(_DUE, _EXPIRED))


def claim(lease: Lease, *, seconds: int, attempts: int) -> Claim | Refused | Later:
    """Take the stage for `seconds` and start an attempt, or say why not.

    A stage whose artifact appeared meanwhile is finished from it; one that lost its worker `attempts` times is failed
    as `worker_lost`.
    """
    asked = {"job": lease.job_id, "epoch": lease.epoch, "stage": lease.stage, "owner": lease.owner}
    asked |= {"seconds": seconds, "attempts": attempts}
    for _ in range(_LOOKS):
        with single() as connection:
            taken = _take(connection, asked)
        if taken:
            return taken
        with transaction() as session:
            refused = refusals.look_closer(session, lease.job_id, lease.stage, lease.epoch, attempts)
        if refused:
            return refused
    return Refused.BUSY


def _take(connection: Connection, asked: Mapping[str, object]) -> Claim | None:
    row = connection.execute(_TAKE, asked).one_or_none()
    return Claim(**row._mapping) if row else None


def renew(lease: Lease, *, seconds: int, progress: float) -> bool:
    """Keep the stage for `seconds` more and save its progress; False when it is no longer ours."""
    with transaction() as session:
        job = jobs.lock(session, lease.job_id, only_state=True)
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
    if then is None:
        # Hardly ever has another: all is sent at once, and taken back if so.
        with suppress(IntegrityError):
            return _commit(lease, artifact, then, artifacts.add)
    return _commit(lease, artifact, then, artifacts.keep)


def _commit(
    lease: Lease, artifact: Artifact, then: Then | None, keep: Callable[[Session, Artifact], Artifact]
) -> Commit | None:
    with transaction() as session:
        job = jobs.lock(session, lease.job_id, only_state=True)
        stage = held(job, lease)
        if job is None or stage is None:
            # An earlier call may have committed these very files, and lost its connection before the answer.
            made = artifacts.find(session, [artifact.digest]).get(artifact.digest)
            return Commit(made, job) if job and made and made.files == artifact.files else None
        made = keep(session, artifact)
        jobs.finish_from_artifact(stage, made, cached=False, moment=job.as_of)
        if then is not None:
            then(session, job, stage)
        jobs.settle(job, job.as_of)
        write(session)
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
        setbacks.fail(job, stage, code=code, message=message, retryable=retryable)
        return True


def release(lease: Lease, *, delay_s: float = 0.0) -> bool:
    """Hand the stage back after trouble that passes, to be taken again after `delay_s` seconds; False when the lease is
    no longer ours.
    """
    with transaction() as session:
        job = jobs.lock(session, lease.job_id)
        stage = held(job, lease)
        if job is None or stage is None:
            return False
        setbacks.hand_back(job, stage, delay_s=delay_s)
        stage.setbacks += 1
        return True


def held(job: Job | None, lease: Lease) -> JobStage | None:
    """Return the stage of a locked job while the lease holds it.

    The owner is unique to one attempt, and whoever ends or takes back a stage clears it: a repair of the stage beside
    this one may bump the epoch without costing this one its work.
    """
    stage = jobs.stage_of(job, lease.stage)
    return stage if stage and stage.lease_owner == lease.owner else None
