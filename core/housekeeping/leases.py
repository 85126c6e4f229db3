"""Dead leases: a stage that is held though nobody can hold it.

Every step that ends a job or a stage clears the lease in the same transaction, so there should be none. A row that was
changed by hand, or restored from a backup, is put right; else it would hold its job for ever.
"""

from __future__ import annotations

from collections.abc import Iterator

import structlog
from sqlalchemy import and_, or_, select
from sqlalchemy.sql.elements import ColumnElement

from core import jobs, setbacks, states
from core.db import reading, transaction
from core.housekeeping.report import Removed
from core.models import Job, JobStage

_log = structlog.get_logger(__name__)
_BATCH = 100


def sweep(*, dry_run: bool = False) -> Iterator[Removed]:
    """Clear the leases of what does not run, and yield `job/stage` of each.

    A stage that runs in a job that has ended is canceled; one that runs without a lease goes back to its queue.
    """
    for wrong in (_ended(), _unheld(), _left()):
        after = ("", "")
        while found := _page(wrong, after):
            for job_id, name in found:
                if dry_run or _repair(job_id, name):
                    yield Removed(f"{job_id}/{name}")
            after = found[-1]


def _ended() -> ColumnElement[bool]:
    return and_(JobStage.status == states.RUNNING, Job.status.in_(states.TERMINAL))


def _unheld() -> ColumnElement[bool]:
    return and_(
        JobStage.status == states.RUNNING,
        Job.status.not_in(states.TERMINAL),
        or_(JobStage.lease_expires_at.is_(None), JobStage.lease_owner.is_(None)),
    )


def _left() -> ColumnElement[bool]:
    return and_(JobStage.status != states.RUNNING, JobStage.lease_expires_at.is_not(None))


def _page(wrong: ColumnElement[bool], after: tuple[str, str]) -> list[tuple[str, str]]:
    job_id, name = after
    query = (
        select(JobStage.job_id, JobStage.name)
        .join(Job)
        .where(wrong, or_(JobStage.job_id > job_id, and_(JobStage.job_id == job_id, JobStage.name > name)))
        .order_by(JobStage.job_id, JobStage.name)
        .limit(_BATCH)
    )
    with reading() as session:
        return [(found_id, found_name) for found_id, found_name in session.execute(query)]


def _repair(job_id: str, name: str) -> bool:
    with transaction() as session:
        job = jobs.lock(session, job_id)
        stage = next((stage for stage in job.stages if stage.name == name), None) if job else None
        if job is None or stage is None or not _is_wrong(job, stage):
            return False
        was = stage.status
        if was == states.RUNNING and job.status in states.TERMINAL:
            states.move(stage, states.CANCELED)
            stage.finished_at = job.as_of
        elif was == states.RUNNING:
            setbacks.hand_back(job, stage)
        stage.lease_owner = stage.lease_expires_at = None
    _log.error("a lease that nobody can hold", job_id=job_id, stage=name, job_status=job.status, stage_status=was)
    return True


def _is_wrong(job: Job, stage: JobStage) -> bool:
    if stage.status != states.RUNNING:
        return stage.lease_expires_at is not None
    return job.status in states.TERMINAL or stage.lease_expires_at is None or stage.lease_owner is None
